import type { Unit } from '../metrics/metric.ts';

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** A value as people write it. */
export function formatValue(value: number, unit: Unit): string {
  switch (unit) {
    case 'count':
    case 'pages':
      return formatNumber(value);
    case 'bytes':
      return scaled(value, BINARY);
    case 'byte-seconds':
      return scaled(
        value,
        BINARY.map((name) => `${name}.s`),
      );
    case 'percent':
      return `${value.toFixed(1)} %`;
    case 'ratio':
      return value.toFixed(2);
  }
}

/** Whole numbers with thousands set off by a thin comma, halves (medians) with one digit. */
function formatNumber(value: number): string {
  const [whole, fraction] = (Number.isInteger(value) ? String(value) : value.toFixed(1)).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

function scaled(value: number, names: readonly string[]): string {
  let scale = 0;
  while (Math.abs(value) >= 1024 && scale < names.length - 1) {
    value /= 1024;
    scale++;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(value < 10 ? 2 : 1)} ${names[scale]}`;
}

/** `-94 %`, `+3.1 %`, `=`; `new` where the baseline has none. */
export function formatChange(percent: number | undefined): string {
  if (percent === undefined) return 'new';
  if (percent === 0) return '=';
  const digits = Math.abs(percent) < 10 ? 1 : 0;
  const rounded = Math.abs(percent).toFixed(digits);
  return `${percent < 0 ? '-' : '+'}${rounded} %`;
}
