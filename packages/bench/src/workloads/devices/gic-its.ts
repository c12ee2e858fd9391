/**
 * The interrupt translation service of an Arm guest, drivers/irqchip/irq-gic-v3-its.c. The host emulates it and reads its
 * tables.
 */
import { GFP, GFP_KERNEL, orderFor } from '@decpool/model';
import type { Parameter } from '../define.ts';
import type { Activity, Lease } from '../timeline.ts';

/**
 * LPI_PROPBASE_SZ, LPI_PENDBASE_SZ and ITS_CMD_QUEUE_SZ, each with the alignment of 64 KiB that the GIC asks for; and a page of the ITS
 * that KVM emulates (vgic_its_init_abi_v0(), arch/arm64/kvm/vgic/vgic-its.c: 16 bits of device id, entries of 8 bytes).
 */
const TABLE_BYTES = 64 * 1024;
/** ITS_ITT_ALIGN: alignment and least size. */
const ITT_ALIGN_BYTES = 256;
/** The sizes that GITS_TYPER can name. */
export const ITT_ENTRY_BYTES = {
  default: 8,
  min: 1,
  max: 16,
  unit: 'bytes',
  about: 'size of an entry of an interrupt translation table, which the ITS states',
} satisfies Parameter;
/** Most vectors of a function with MSI-X: PCI_MSIX_FLAGS_QSIZE, include/uapi/linux/pci_regs.h. */
export const MAX_VECTORS = 2048;

/** Bytes of an interrupt translation table: its_create_device(). */
export const ittBytes = (vectors: number, entryBytes: number): number =>
  Math.max(Math.max(2, 1 << orderFor(vectors)) * entryBytes, ITT_ALIGN_BYTES);

/**
 * What the ITS allocates at boot and never frees: first its LPI tables, with GFP_NOWAIT, then its command queue, and a device table of
 * two levels and a collection table (its_alloc_tables()). The second level that covers PCI buses 0 to 31 comes with the first device
 * (its_alloc_table_entry()); other buses have none here. The kernel converts them all: its_alloc_pages_node().
 */
export function bootIts(guest: Activity, cpus: number): void {
  const table = (owner: string, gfp: number) =>
    guest.allocate({ api: 'alloc_pages', bytes: TABLE_BYTES, owner, gfp });
  table('its LPI property table', GFP.GFP_NOWAIT);
  for (let cpu = 0; cpu < cpus; cpu++) table(`its cpu${cpu} LPI pending table`, GFP.GFP_NOWAIT);
  for (const name of ['command queue', 'device table', 'collection table', 'device table of buses 0-31'])
    table(`its ${name}`, GFP_KERNEL);
}

/** The table of one PCI function, made when it asks for its interrupt vectors. */
export const createItt = (guest: Activity, pciFunction: number, vectors: number, entryBytes: number): Lease =>
  guest.allocate({
    api: 'kmalloc',
    bytes: ittBytes(vectors, entryBytes),
    owner: `its PCI function ${pciFunction} ITT`,
    align: ITT_ALIGN_BYTES,
  });
