/** Any lines, also torn and mixed ones: no reader fails in its own way, each line is accounted for, and the requests are valid. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { workload } from '../workloads/workload.ts';
import { adviceOn } from './other-tools.ts';
import { TRACE_FORMATS } from './registry.ts';
import { parseSharedExpression } from './shared-expression.ts';
import { accountedLines, readLines } from './testing.ts';

const DEVICE = '0000:00:05.0 dir=TO_DEVICE';
/** A line of each kind that a reader knows, so that most combinations mean something. */
const LINES = [
  ...TRACE_FORMATS.map(({ example }) => example),
  '{"t":7.4,"op":"enc","npages":1,"pfn":1104575}',
  '{"t":7.4,"op":"coherent_alloc","dev":"d","bytes":512}',
  'f 17 3',
  'Alloc(0),',
  'Free(0),',
  '1,5,900,5120',
  '2,900,901,43008',
  ' dd-166 [000] ..... 7.983856: mm_page_alloc: page=1 pfn=0x113a00 order=8 migratetype=0 gfp_flags=GFP_KERNEL',
  ' dd-166 [001] ..... 7.983857: mm_page_alloc: page=1 pfn=0x113a01 order=0 migratetype=1 gfp_flags=GFP_USER',
  ' dd-166 [000] ..... 7.983858: mm_page_free: page=1 pfn=0x113a00 order=0',
  '   xargs-7140    1.....   325.506040: mm_page_free:        page=1 pfn=0x113a01 order=0',
  '      dd-166       0d..1. 7983us : mm_page_free: page=1 pfn=0x113a00 order=8',
  'perf  6429 [000]    22.498450: kmem:kmalloc: call_site=f+0x1 ptr=0x1 bytes_req=64 bytes_alloc=64 gfp_flags=GFP_KERNEL',
  'perf  6429 [000]    22.498451: kmem:kfree: call_site=f+0x1 ptr=0x1',
  '\tffffffff812f9486 __alloc_pages+0x256 ([kernel.kallsyms])',
  ` a-1 [000] d..1. 1.000000: dma_alloc: ${DEVICE} dma_addr=bb000 size=6726 virt_addr=00000000a93119cc flags=GFP_KERNEL attrs=`,
  ` a-1 [000] d..1. 1.000001: dma_free: ${DEVICE} dma_addr=bb000 size=6726 virt_addr=00000000a93119cc attrs=`,
  ' a-1 [000] d..1. 1.000002: swiotlb_bounced: dev_name: 0000:00:05.0 dma_mask=ff dev_addr=2000 size=9000 FORCE',
  ' a-1 [000] d..1. 1.000002: swiotlb_bounced: dev_name: 0000:00:05.0 dma_mask=ff dev_addr=3000 size=16 FORCE',
  ` a-1 [000] d..1. 1.000003: dma_map_phys: ${DEVICE} dma_addr=1000 size=16 phys_addr=2000 attrs=`,
  ` a-1 [000] d..1. 1.000004: dma_unmap_phys: ${DEVICE} dma_addr=1000 size=16 attrs=`,
  ` a-1 [000] d..1. 1.000003: dma_map_sg: ${DEVICE} dma_addrs={0x1} sizes={0x1} phys_addrs={0x2000,0x3000} attrs=`,
  ` a-1 [000] d..1. 1.000004: dma_unmap_sg: ${DEVICE} phys_addrs={0x2000,0x3000} attrs=`,
  ' a-1 [000] ..... 1.000000: cohalloc: (dma_alloc_attrs+0x0/0x60) dev="d" size=512',
  ' a-1 [000] ..... 1.000002: setdec: (set_memory_decrypted+0x0/0x50) addr=0xffffc90001a01000 npages=2',
  ' a-1 [000] ..... 1.000003: <stack trace>',
  ' => nvme_alloc_queue',
  ' a-1 [000] ..... 1.000004: setenc: (set_memory_encrypted+0x0/0x50) addr=0xffffc90001a01000 npages=2',
  '[08:36:01.211260539] (+0.1) board kmem_kmalloc: { cpu_id = 1 }, { call_site = 0xBF001234, ptr = 0xC2A41800, bytes_req = 712, gfp_flags = 208 }',
  '[08:36:01.211275239] (+0.1) board kmem_kfree: { cpu_id = 1 }, { call_site = 0xBF001300, ptr = 0xC2A41800 }',
  '# entries-in-buffer/entries-written: 1000/1005   #P:2',
  'CPU:7 [204600 EVENTS DROPPED]',
  'swapper     0 [000]    22.498450: PERF_RECORD_LOST lost 123',
  '',
];

const known = fc.constantFrom(...LINES);
const torn = fc
  .tuple(known, fc.nat({ max: 160 }), fc.string({ unit: 'grapheme', maxLength: 5 }))
  .map(([text, at, noise]) => text.slice(0, at) + noise + text.slice(at + noise.length));
const oddNumber = fc
  .tuple(
    known,
    fc.nat({ max: 12 }),
    fc.constantFrom('0', '-1', '99999999999999999999', '5000000000', '4000000', '0xffffffffffffffff', '1e9'),
  )
  .map(([text, at, number]) => {
    let index = 0;
    return text.replace(/\d+/g, (digits) => (index++ === at ? number : digits));
  });
const line = fc.oneof({ weight: 6, arbitrary: known }, torn, oddNumber, fc.string({ unit: 'binary' }));
const shared = fc.constantFrom(
  undefined,
  parseSharedExpression('order>=0'),
  parseSharedExpression('gfp~GFP_USER'),
);

it('every line is accounted for, and the requests are a valid workload, in each format', () => {
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 60 }),
      shared,
      fc.nat({ max: 200_000 }),
      (lines, expression, lifetime) => {
        for (const format of TRACE_FORMATS) {
          const options = { shared: expression, mappingLifetime: lifetime };
          const { requests, sanity, notes } = readLines(format, lines, options);
          expect(accountedLines(sanity)).toBe(lines.length);
          expect(sanity.liveAtEnd).toBeGreaterThanOrEqual(0);
          expect(sanity.background.liveAtEnd).toBeGreaterThanOrEqual(0);
          expect(() => workload({ name: 'fuzz', description: '', requests, notes })).not.toThrow();
        }
        adviceOn(lines);
      },
    ),
  );
});
