/** What a decpool.config.ts may say. examples/decpool.config.ts has every setting beside its default. */

/** Each setting is an option of the command, by its long name in camelCase; undefined is as if it were not there. */
type Settings<Values> = { readonly [Name in keyof Values]?: Values[Name] | undefined };

/** A list as on a command line, `a,b`, or its items. */
type List = string | readonly (string | number)[];

export interface DecpoolConfig {
  readonly compare?: Settings<{
    trace: string;
    shared: string;
    workload: string;
    policy: List;
    memory: string;
    nodes: number;
    memoryState: string;
    platform: string;
    restore: boolean;
    granule: number | string;
    wordAccess: boolean;
    faults: List;
    kernel: string;
    pcp: boolean;
    compaction: boolean;
    swiotlbDynamic: boolean;
    seed: number;
    seeds: number;
    metrics: List;
    ranges: boolean;
    bounds: boolean;
    pareto: boolean;
    out: string;
    map: boolean | string;
    mail: boolean;
    json: boolean;
    csv: boolean;
    check: string;
    maxRegress: number | string;
    logFormat: string;
  }>;
  readonly report?: Settings<{ out: string; against: string; csv: boolean; series: List }>;
  readonly sweep?: Settings<{ out: string; workers: number }>;
  readonly findings?: Settings<{ sweep: string; out: string; workers: number }>;
  readonly checkPolicy?: Settings<{ runs: number; seed: number }>;
  readonly verify?: Settings<{ every: number; against: string; own: List; rerun: boolean }>;
  readonly recover?: Settings<{ out: string }>;
  readonly stats?: Settings<{ json: boolean }>;
  readonly show?: Settings<{ at: number; time: string; all: boolean; json: boolean }>;
  readonly explain?: Settings<{
    block: number;
    split: number;
    allocation: number;
    at: number;
    json: boolean;
  }>;
  readonly splits?: Settings<{ by: string; all: boolean; json: boolean }>;
  readonly step?: Settings<{ at: number }>;
  readonly tail?: Settings<{ lines: number; follow: boolean }>;
  readonly fork?: Settings<{ own: List }>;
  readonly skip?: Settings<{ own: List }>;
  readonly diff?: Settings<{ json: boolean }>;
  readonly convert?: Settings<{ to: string }>;
  readonly query?: Settings<{ json: boolean; csv: boolean }>;
  readonly validate?: Settings<{ scatter: boolean }>;
}

/** Only says what type its argument has, for an editor to help with. */
export const defineConfig = (config: DecpoolConfig): DecpoolConfig => config;
