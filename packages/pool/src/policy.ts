import type {
  AllocateRequest,
  FailureReason,
  FreeRequest,
  Migratetype,
  Pfn,
  StateView,
} from '@decpool/model';

/**
 * How a policy states what happens. Each call appends the events it stands for and folds them at once, so the
 * view is always current, also in the middle of a request. An event that breaks a rule of the model throws
 * InvariantError; a policy cannot put the state into one that the rules do not allow.
 */
export interface Recorder {
  /**
   * Takes a free chunk of 2^order pages from the page allocator: `pages-claimed`. Returns its first page, or -1
   * when no zone has one. The pages are private.
   */
  claim(order: number, migratetype?: Migratetype): Pfn | -1;
  /** Gives a run of private, unused pages back to the page allocator, as naturally aligned chunks: `pages-returned`. */
  giveBack(start: Pfn, pages: number): void;
  /**
   * Shares a contiguous run of private pages with the host in one conversion: the splits it forces, then
   * `pages-decrypted`. Does nothing outside a confidential VM.
   */
  decrypt(start: Pfn, pages: number): void;
  /**
   * Makes a contiguous run of shared pages private again in one conversion: the splits it forces, then
   * `pages-encrypted`, then a restore where the platform does that. Does nothing outside a confidential VM.
   */
  encrypt(start: Pfn, pages: number): void;
  /** Gives an extent to the allocation that is asked for: `pages-allocated`. */
  allocate(start: Pfn, pages: number): void;
  /** Takes the next extent back from the allocation that is being freed, or undone: `pages-freed`. */
  free(start: Pfn, pages: number): void;
  /** Refuses the request: `allocation-failed`. The allocation must hold nothing. */
  fail(reason: FailureReason): void;
}

/**
 * What decides. For each request a policy reads the view and records what happens; it must end with the request
 * served in full or refused, and it does not keep state that the events do not tell.
 */
export interface Policy {
  /** As on a command line, with parameters: `first-fit+block+immediate`. */
  readonly name: string;
  allocate(request: AllocateRequest, view: StateView, record: Recorder): void;
  free(request: FreeRequest, view: StateView, record: Recorder): void;
}

/** Makes a policy for one run; `view` gives the geometry and platform it will work on. */
export type PolicyFactory = (view: StateView) => Policy;
