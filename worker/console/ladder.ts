// The ladder: the page's rail on the left, the gateway's on the right, a rung for everything that happened, as it
// happens. Rungs with bytes are buttons: what has the focus, or the pointer over it, is laid open beside them.
import { bytesView } from './bytes-view.js'
import { el, fill } from './dom.js'
import type { TimedTraceEvent } from './library.js'
import { mostRungs, type Rung, rungBuilder } from './rungs.js'

export interface LadderView {
  readonly element: HTMLElement
  add(event: TimedTraceEvent): void
  clear(peer: string): void
}

export function ladderView(): LadderView {
  const list = el('ol', { class: 'rungs' })
  const peer = el('span', { class: 'rail-name' }, 'Gateway')
  const note = el('p', { class: 'hint', role: 'note' })
  const bytes = bytesView()
  let builder = rungBuilder()
  let pinned: HTMLElement | undefined

  const element = el(
    'div',
    { class: 'ladder' },
    el(
      'div',
      { class: 'ladder-run' },
      el(
        'p',
        { class: 'rails', 'aria-hidden': 'true' },
        el('span', { class: 'rail-name' }, 'This page'),
        peer,
      ),
      list,
      note,
    ),
    bytes.element,
  )
  clear('Gateway')

  function clear(name: string): void {
    builder = rungBuilder()
    pinned = undefined
    fill(list)
    fill(peer, name)
    fill(note, 'Every message of the inner handshake appears here as it is sent or received.')
    bytes.show(undefined)
  }

  function add(event: TimedTraceEvent): void {
    const changed = builder.add(event)
    if (builder.dropped > 0)
      fill(note, `${builder.dropped} more events are not drawn; the first ${mostRungs} are.`)
    else if (changed !== undefined) fill(note, 'Choose a message to see its bytes, field by field.')
    if (changed === undefined) return
    const made = rungElement(changed.rung)
    const old = list.children[changed.at]
    if (old === undefined) list.append(made)
    else old.replaceWith(made)
  }

  function rungElement(rung: Rung): HTMLLIElement {
    const { message, direction, kind, encrypted } = rung
    const label = [
      el('span', { class: 'rung-title' }, rung.title),
      el('span', { class: 'rung-detail' }, rung.detail),
    ]
    const spoken =
      direction === undefined
        ? undefined
        : el('span', { class: 'unseen' }, direction === 'sent' ? 'sent: ' : 'received: ')
    const secret = encrypted && kind !== 'data' ? el('span', { class: 'unseen' }, ' (encrypted)') : undefined
    const inside = [spoken, ...label, secret]
    const body =
      message === undefined
        ? el('div', { class: 'rung' }, ...inside)
        : el(
            'button',
            {
              type: 'button',
              class: 'rung',
              'aria-pressed': 'false',
              on: {
                pointerenter: () => pinned ?? bytes.show(message),
                focus: () => pinned ?? bytes.show(message),
                click: (event: MouseEvent) =>
                  pin(event.currentTarget as HTMLElement, () => bytes.show(message)),
              },
            },
            ...inside,
          )
    return el(
      'li',
      { class: `rung-row ${kind} ${direction ?? 'here'}${encrypted ? ' sealed' : ''}` },
      el('span', { class: 'at' }, `${rung.at.toFixed(1)}`, el('span', { class: 'unit' }, ' ms')),
      body,
    )
  }

  function pin(button: HTMLElement, show: () => void): void {
    pinned?.setAttribute('aria-pressed', 'false')
    if (pinned === button) {
      pinned = undefined
      return
    }
    pinned = button
    button.setAttribute('aria-pressed', 'true')
    show()
  }

  return { element, add, clear }
}
