/** Text pages written by hand, with places for figures: `{{name}}`. */

/**
 * The page with its figures. A line that is only an empty figure is left out. Throws TypeError for a place without a figure,
 * or the reverse.
 */
export function filledTemplate(template: string, figures: Readonly<Record<string, string | number>>): string {
  const unused = new Set(Object.keys(figures));
  const figureOf = (name: string): string => {
    if (!Object.hasOwn(figures, name))
      throw new TypeError(`the page has {{${name}}}, for which there is no figure`);
    unused.delete(name);
    return String(figures[name]);
  };
  const page = template
    .replace(/^\{\{([^{}]+)\}\}\n/gm, (line, name: string) => (figureOf(name) === '' ? '' : line))
    .replace(/\{\{([^{}]+)\}\}/g, (_, name: string) => figureOf(name));
  if (unused.size > 0) throw new TypeError(`the page has no place for {{${[...unused][0]}}}`);
  return page;
}
