// Elements by hand: one function for HTML, one for SVG. Text always goes in as text, never as markup.

export type Child = Node | string | number | undefined | false

interface Given {
  readonly on?: Readonly<Record<string, (event: never) => void>>
  readonly [attribute: string]: string | number | boolean | undefined | Given['on']
}

export function el<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  given: Given = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  return filled(document.createElement(tag), given, children)
}

export function svg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  given: Given = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[Tag] {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), given, children)
}

/** The element's content, replaced. */
export function fill(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren(...nodes(children))
}

let ids = 0

/** An id that is nobody else's. */
export function uniqueId(stem: string): string {
  ids += 1
  return `${stem}-${ids}`
}

function filled<Made extends Element>(element: Made, given: Given, children: readonly Child[]): Made {
  for (const [name, value] of Object.entries(given)) {
    if (name === 'on') {
      for (const [type, listener] of Object.entries(value as NonNullable<Given['on']>))
        element.addEventListener(type, listener as EventListener)
    } else if (value === true) element.setAttribute(name, '')
    else if (value !== undefined && value !== false) element.setAttribute(name, String(value))
  }
  element.append(...nodes(children))
  return element
}

function nodes(children: readonly Child[]): Array<Node | string> {
  return children
    .filter((child): child is Node | string | number => child !== undefined && child !== false)
    .map((child) => (typeof child === 'number' ? String(child) : child))
}
