/** Default seconds of the supply `hysteresis`: longer than it takes to rebuild a NIC. */
export const HYSTERESIS_SECONDS = 2;
