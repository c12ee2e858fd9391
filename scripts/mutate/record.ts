/** Mutants of a file that survived when all were tried, without those in equivalent.ts. `pnpm mutate --turn` lets no more survive. */
export const RECORD: Readonly<Record<string, number>> = {
  'packages/bench/src/bounds/lower.ts': 5,
  'packages/model/src/projections/causes.ts': 0,
  'packages/model/src/projections/owners.ts': 0,
  'packages/model/src/projections/requests.ts': 0,
  'packages/model/src/projections/splits.ts': 0,
  'packages/pool/src/conversion/conversion.ts': 0,
  'packages/pool/src/conversion/per-unit.ts': 0,
  'packages/pool/src/page-allocator/zone.ts': 4,
  'packages/pool/src/slab/slab-layer.ts': 0,
  'packages/pool/src/supply/demand.ts': 0,
  'packages/pool/src/supply/reserve.ts': 0,
  'packages/pool/src/supply/seconds.ts': 0,
};
