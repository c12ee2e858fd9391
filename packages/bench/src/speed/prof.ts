import { requestSpeed, speedWorkload } from './requests.ts';
const w = speedWorkload(1_000_000);
for (const p of process.argv.slice(2)) { await requestSpeed(p, w); console.log(await requestSpeed(p, w)); }
