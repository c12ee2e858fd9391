/**
 * Lines for the speed of trace readers, made in the forms of the specs' lines. Of each kind 20,000 things are live at a time,
 * however many lines there are, so what a reader keeps beyond those shows as memory that grows.
 */

/** What is live at a time. */
export const LIVE = 20_000;

interface ReaderInput {
  /** The reader, and the tool that prints such lines. */
  readonly name: string;
  readonly expression?: string;
  /** Lines that begin a file. */
  readonly head?: readonly string[];
  /** Lines of the step `n`, from 0: an allocation, and the free of what was allocated LIVE steps before. */
  step(n: number): readonly string[];
}

const seconds = (n: number) => `${100 + Math.floor(n / 1e5)}.${String((n % 1e5) * 10).padStart(6, '0')}`;
const cpu = (n: number) => String(n & 7).padStart(3, '0');
const hex = (n: number, digits: number) => n.toString(16).padStart(digits, '0');
/** Spread over memory; the same for an allocation and its free. What is never freed has a place of its own. */
const place = (n: number) => (n % 1000 === 0 ? LIVE * 4 + n / 1000 : (n * 7919) % (LIVE * 4));
const pfn = (n: number) => `0x${hex(0x100000 + place(n) * 8, 6)}`;
const pointer = (n: number) => hex(0x9a00_0000_0000 + place(n) * 64, 16);
const TASKS = ['kworker/u8:3-events_unbound-221', 'nvme-reset-77', 'dd-166', '<...>-22275'];
const task = (n: number) => TASKS[n & 3].padStart(24);
/** Of the free in the same step. One allocation of 1,000 is never freed, so that some of all ages are live. */
const before = (n: number, line: (n: number) => string) =>
  n < LIVE || (n - LIVE) % 1000 === 0 ? [] : [line(n - LIVE)];

const tracefs = (event: string, fields: (n: number) => string) => (n: number, at: number) =>
  `${task(n)} [${cpu(n)}] ..... ${seconds(at)}: ${event}: ${fields(n)}`;
const pair =
  (
    allocated: (n: number, at: number) => string,
    freed: (n: number, at: number) => string,
  ): ReaderInput['step'] =>
  (n) => [allocated(n, 2 * n), ...before(n, (old) => freed(old, 2 * n + 1))];

const pageAlloc = (n: number) =>
  `page=${pointer(n)} pfn=${pfn(n)} order=${n % 4} migratetype=${n & 1} gfp_flags=GFP_KERNEL|__GFP_ZERO|__GFP_COMP`;
const pageFree = (n: number) => `page=${pointer(n)} pfn=${pfn(n)} order=${n % 4}`;
const perf = (event: string, fields: (n: number) => string) => (n: number, at: number) =>
  `nvme-reset ${7000 + (n & 3)} [${cpu(n)}] ${seconds(at)}: kmem:${event}: ${fields(n)}`;
const lttng = (event: string, fields: (n: number) => string) => (n: number, at: number) =>
  `[08:36:${seconds(at % 1e5).slice(1)}000] (+0.000014700) board ${event}: { cpu_id = ${n & 7} }, { ${fields(n)} }`;
const device = (n: number) => `0000:00:0${n & 7}.0`;

export const READER_INPUTS: readonly ReaderInput[] = [
  {
    name: 'kernel-events: pages, tracefs',
    expression: 'order>=3',
    step: pair(tracefs('mm_page_alloc', pageAlloc), tracefs('mm_page_free', pageFree)),
  },
  {
    name: 'kernel-events: pages, perf script',
    expression: 'order>=3',
    step: pair(perf('mm_page_alloc', pageAlloc), perf('mm_page_free', pageFree)),
  },
  {
    name: 'kernel-events: objects, tracefs',
    step: pair(
      tracefs(
        'kmalloc',
        (n) =>
          `call_site=ext4_readdir+0x991/0xb60 ptr=${pointer(n)} bytes_req=${64 + (n & 511)} bytes_alloc=1024 gfp_flags=GFP_KERNEL node=-1 accounted=false`,
      ),
      tracefs('kfree', (n) => `call_site=ext4_release_dir+0x2f/0x40 ptr=${pointer(n)}`),
    ),
  },
  {
    name: 'kernel-events: objects, LTTng',
    step: pair(
      lttng(
        'kmem_kmalloc',
        (n) =>
          `call_site = 0xBF001234, ptr = 0x${pointer(n).toUpperCase()}, bytes_req = 712, bytes_alloc = 1024, gfp_flags = 208`,
      ),
      lttng('kmem_kfree', (n) => `call_site = 0xBF001300, ptr = 0x${pointer(n).toUpperCase()}`),
    ),
  },
  {
    name: 'kernel-events: dma_alloc, tracefs',
    step: pair(
      tracefs(
        'dma_alloc',
        (n) =>
          `${device(n)} dir=BIDIRECTIONAL dma_addr=${hex(place(n) << 12, 8)} size=${4096 + (n & 4095)} virt_addr=${pointer(n)} flags=GFP_KERNEL attrs=`,
      ),
      tracefs(
        'dma_free',
        (n) =>
          `${device(n)} dir=BIDIRECTIONAL dma_addr=${hex(place(n) << 12, 8)} size=${4096 + (n & 4095)} virt_addr=${pointer(n)} attrs=`,
      ),
    ),
  },
  {
    name: 'kernel-events: bounces, tracefs',
    step: (n) => [
      tracefs(
        'swiotlb_bounced',
        (old) =>
          `dev_name: ${device(old)} dma_mask=ffffffffffffffff dev_addr=${hex(place(old) << 12, 8)} size=${512 + (old & 4095)} FORCE`,
      )(n, 3 * n),
      tracefs(
        'dma_map_phys',
        (old) =>
          `${device(old)} dir=TO_DEVICE dma_addr=${hex(place(old) << 12, 8)} size=512 phys_addr=${hex(place(old) << 12, 8)} attrs=`,
      )(n, 3 * n + 1),
      ...before(n, (old) =>
        tracefs(
          'dma_unmap_phys',
          () => `${device(old)} dir=TO_DEVICE dma_addr=${hex(place(old) << 12, 8)} size=512 attrs=`,
        )(old, 3 * n + 2),
      ),
    ],
  },
  {
    name: 'dma-trace, tracefs',
    step: (n) => {
      const range = (old: number) => `addr=0xffff8881${hex(place(old) << 12, 8)} npages=${1 + (old & 15)}`;
      return [
        tracefs('setdec', (old) => `(set_memory_decrypted+0x0/0x50) ${range(old)}`)(n, 2 * n),
        `${task(n)} [${cpu(n)}] ..... ${seconds(2 * n)}: <stack trace>`,
        ' => set_memory_decrypted',
        ' => dma_direct_alloc',
        ` => nvme_alloc_queue_${n & 31}`,
        ...before(n, (old) =>
          tracefs('setenc', () => `(set_memory_encrypted+0x0/0x50) ${range(old)}`)(old, 2 * n + 1),
        ),
      ];
    },
  },
  {
    name: 'dma-requests',
    step: (n) => [
      `{"t":${seconds(2 * n)},"op":"dec","npages":${1 + (n & 15)},"task":"kworker/u4:1","pfn":${place(n) * 16},"stack":["nvme_alloc_queue"]}`,
      ...before(
        n,
        (old) => `{"t":${seconds(2 * n + 1)},"op":"enc","npages":${1 + (old & 15)},"pfn":${place(old) * 16}}`,
      ),
    ],
  },
  {
    name: 'request-sequence',
    step: (n) => [`a ${n} ${n % 6}`, ...before(n, (old) => `f ${old} ${old % 6}`)],
  },
  { name: 'wee-alloc', step: (n) => [`Alloc(${8 + (n & 2047)}),`, ...before(n, (old) => `Free(${old}),`)] },
  {
    name: 'minimalloc',
    head: ['id,lower,upper,size'],
    step: (n) => [`${n},${n},${n + LIVE},${4096 + (n & 8191)}`],
  },
];

const CHUNK = 2 ** 16;

/** So many lines, as a file is read. Each chunk is made when it is asked for. */
export function* chunksOf({ head = [], step }: ReaderInput, lines: number): Generator<Uint8Array> {
  let text = head.map((line) => `${line}\n`).join('');
  let made = head.length;
  for (let n = 0; made < lines; n++) {
    for (const line of step(n)) {
      if (made === lines) break;
      text += `${line}\n`;
      made++;
    }
    if (text.length < CHUNK) continue;
    yield Buffer.from(text);
    text = '';
  }
  if (text !== '') yield Buffer.from(text);
}
