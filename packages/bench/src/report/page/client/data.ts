/** The data of an input: base64 of deflate-raw of JSON, unpacked when it is first needed. */
import type { PageInput } from '../page-data.ts';

export async function inputData(prefix: string): Promise<PageInput> {
  const base64 = document.getElementById(`${prefix}-data`)?.textContent ?? '';
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const json = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return JSON.parse(await new Response(json).text()) as PageInput;
}
