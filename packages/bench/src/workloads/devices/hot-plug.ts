import type { Activity, Lease } from '../timeline.ts';

/** A device that comes and goes. `probe` makes all that it shares, in the order in which the driver frees it. */
export class HotPlug {
  readonly name: string;
  readonly #probe: (guest: Activity) => readonly Lease[];
  #leases: readonly Lease[] = [];

  constructor(name: string, probe: (guest: Activity) => readonly Lease[]) {
    this.name = name;
    this.#probe = probe;
  }

  get isPresent(): boolean {
    return this.#leases.length > 0;
  }

  attach(guest: Activity): void {
    this.#leases = this.#probe(guest);
  }

  detach(guest: Activity): void {
    guest.freeAll(this.#leases);
    this.#leases = [];
  }

  /** In, or out if it is in. */
  plug(guest: Activity): void {
    if (this.isPresent) this.detach(guest);
    else this.attach(guest);
  }
}
