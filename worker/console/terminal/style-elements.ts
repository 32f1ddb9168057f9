// xterm.js writes its colours and sizes into <style> elements, which the page's policy does not apply. Those that it makes
// while it opens get a stylesheet of the document's in their place: the same rules, and no inline style allowed.

export function withoutStyleElements(task: () => void): void {
  const own = Object.getOwnPropertyDescriptor(document, 'createElement')
  const create = document.createElement.bind(document)
  document.createElement = ((tag: string, options?: ElementCreationOptions) => {
    // A stand-in: even an empty <style> is an offence against the policy.
    return tag.toLowerCase() === 'style' ? adopted(create('span')) : create(tag, options)
  }) as typeof document.createElement
  try {
    task()
  } finally {
    if (own === undefined) delete (document as { createElement?: unknown }).createElement
    else Object.defineProperty(document, 'createElement', own)
  }
}

/** What is written into the element goes to a stylesheet, for as long as the element is there. */
function adopted(element: HTMLElement): HTMLElement {
  const sheet = new CSSStyleSheet()
  element.hidden = true
  document.adoptedStyleSheets.push(sheet)
  let text = ''
  Object.defineProperty(element, 'textContent', {
    get: () => text,
    set(given: string) {
      text = given
      sheet.replaceSync(given)
    },
  })
  const remove = element.remove.bind(element)
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => each !== sheet)
    remove()
  }
  return element
}
