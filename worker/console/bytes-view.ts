// A message byte by byte, with its fields beside it. Whichever of the two is pointed at or has the focus lights up the
// other.
import { el, fill } from './dom.js'
import type { Annotated } from './rungs.js'
import { type Field, fieldAt, flat, spanTree } from './span-tree.js'

export interface BytesView {
  readonly element: HTMLElement
  show(message: Annotated | undefined): void
}

/** Bytes drawn; the rest is counted. Certificates seldom are longer. */
const most = 4096
const perRow = 16

export function bytesView(): BytesView {
  const title = el('h3', {}, 'Bytes')
  const hex = el('div', { class: 'hex', role: 'img', tabindex: 0 })
  const fields = el('ul', { class: 'fields', 'aria-label': 'Fields' })
  const rest = el('p', { class: 'hint' })
  const element = el('section', { class: 'bytes', 'aria-label': 'Annotated bytes' }, title, hex, rest, fields)
  let shown: Annotated | undefined
  let tree: Field[] = []
  let cells: HTMLElement[] = []
  let lit: readonly HTMLElement[] = []
  let rows = new Map<Field, HTMLElement>()

  hex.addEventListener('pointerover', (event) => {
    const at = cells.indexOf(event.target as HTMLElement)
    if (at >= 0) light(fieldAt(tree, at))
  })
  hex.addEventListener('pointerleave', () => light(undefined))

  function light(field: Field | undefined): void {
    for (const each of lit) each.classList.remove('lit')
    lit =
      field === undefined
        ? []
        : [...cells.slice(field.start, field.end), ...(rows.has(field) ? [rows.get(field)!] : [])]
    for (const each of lit) each.classList.add('lit')
  }

  function show(message: Annotated | undefined): void {
    if (message === shown && message !== undefined) return
    shown = message
    lit = []
    element.classList.toggle('empty', message === undefined)
    if (message === undefined) {
      fill(title, 'Bytes')
      fill(hex)
      fill(fields)
      fill(rest, 'Point at a message, or move to it with Tab: its bytes and what they mean appear here.')
      hex.setAttribute('aria-label', 'no message chosen')
      return
    }
    const { bytes, name, spans } = message
    tree = spanTree(spans)
    fill(title, name, el('span', { class: 'count' }, ` ${bytes.length} bytes`))
    drawHex(bytes)
    hex.setAttribute(
      'aria-label',
      `${name}, ${bytes.length} bytes in hexadecimal; the list after this names the fields`,
    )
    fill(rest, bytes.length > most && `The first ${most} of ${bytes.length} bytes are drawn.`)
    rows = new Map(flat(tree).map((field) => [field, fieldRow(field)]))
    fill(fields, ...rows.values())
  }

  function drawHex(bytes: Uint8Array): void {
    cells = []
    const lines: HTMLElement[] = []
    for (let at = 0; at < Math.min(bytes.length, most); at += perRow) {
      const line = [...bytes.subarray(at, at + perRow)].map((byte) =>
        el('span', { class: 'byte' }, byte.toString(16).padStart(2, '0')),
      )
      cells.push(...line)
      lines.push(
        el(
          'div',
          { class: 'hex-row' },
          el('span', { class: 'offset' }, at.toString(16).padStart(4, '0')),
          ...line,
        ),
      )
    }
    fill(hex, ...lines)
  }

  function fieldRow(field: Field): HTMLElement {
    const { label, value, start, end, depth } = field
    const row = el(
      'button',
      {
        type: 'button',
        class: `field depth-${Math.min(depth, 5)}`,
        on: {
          pointerenter: () => light(field),
          focus: () => {
            light(field)
            cells[start]?.scrollIntoView({ block: 'nearest' })
          },
        },
      },
      el('span', { class: 'field-name' }, label.replaceAll('_', ' ')),
      el('span', { class: 'field-value' }, value ?? ''),
      el('span', { class: 'field-size' }, `${end - start}`, el('span', { class: 'unseen' }, ' bytes')),
    )
    const item = el('li', {}, row)
    item.addEventListener('pointerleave', () => light(undefined))
    return item
  }

  show(undefined)
  return { element, show }
}
