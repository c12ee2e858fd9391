import { AT_ONCE, type Supply } from './supply.ts';

/** A block goes back as soon as it is empty, as bpf_prog_pack_free() does (kernel/bpf/core.c): least exposure, most conversions. */
export const immediate = (): Supply => ({
  name: 'immediate',
  returnsAt: () => AT_ONCE,
});
