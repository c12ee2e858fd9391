/** Mutants of a file that survived when all were tried, without those in equivalent.ts. `pnpm mutate --turn` lets no more survive. */
export const RECORD: Readonly<Record<string, number>> = {
  'packages/bench/src/bounds/lower.ts': 5,
};
