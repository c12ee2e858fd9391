/** What a guest shares with its host for attestation and for the time: small and rare, but scattered. */
import { GFP, PAGE_SIZE } from '@decpool/model';
import type { Activity, Lease, Span } from '../timeline.ts';

/** SEV_FW_BLOB_MAX_SIZE, include/uapi/linux/psp-sev.h: most bytes of certificates that a host can attach. */
const MAX_CERTS_PAGES = (16 * 1024) / PAGE_SIZE;
/** Assumed: 2 to 30 ms, the time that the firmware takes to sign. */
const REPORT_NS: Span = [2_000_000, 30_000_000];

/**
 * get_ext_report(), drivers/virt/coco/sev-guest/sev-guest.c: a buffer for the certificates, during one ioctl. Whole
 * pages, by alloc_pages_exact() since 6.18.33 and 7.0.10, by alloc_pages() before.
 */
export function snpExtendedReport(guest: Activity): void {
  const certs = guest.allocate({
    api: 'alloc_pages_exact',
    bytes: guest.dice.between(1, MAX_CERTS_PAGES) * PAGE_SIZE,
    owner: 'sev-guest ext report certs',
    gfp: GFP.__GFP_ACCOUNT,
  });
  guest.wait(REPORT_NS);
  guest.freeAll([certs]);
}

/** GET_QUOTE_BUF_SIZE, drivers/virt/coco/tdx-guest/tdx-guest.c. */
const QUOTE_BUFFER_BYTES = 128 * 1024;

/** alloc_quote_buf(): one buffer from when the module is loaded until it is unloaded. */
export const loadTdxGuest = (guest: Activity): Lease =>
  guest.allocate({ api: 'alloc_pages_exact', bytes: QUOTE_BUFFER_BYTES, owner: 'tdx-guest quote buffer' });

/** HVC_BOOT_ARRAY_SIZE, arch/x86/kernel/kvmclock.c: CPUs whose clock is in the kernel's image. */
const KVMCLOCK_BOOT_CPUS = 64;
/** struct pvclock_vsyscall_time_info, a cache line. */
const KVMCLOCK_BYTES = 64;

/** kvmclock_init_mem(): the clocks of all further CPUs, never given back. */
export function bootKvmclock(guest: Activity, cpus: number): void {
  if (cpus <= KVMCLOCK_BOOT_CPUS) return;
  const bytes = (cpus - KVMCLOCK_BOOT_CPUS) * KVMCLOCK_BYTES;
  guest.allocate({ api: 'alloc_pages', bytes, owner: 'kvmclock hvclock_mem' });
}
