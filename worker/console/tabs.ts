// Tabs as the ARIA practices have them: one tab stop, arrows move, Home and End too.
import { el, uniqueId } from './dom.js'

export interface Tab {
  readonly name: string
  readonly label: string
  readonly panel: HTMLElement
}

export interface Tabs {
  readonly element: HTMLElement
  select(name: string): void
  readonly selected: string
  hide(name: string, hidden: boolean): void
}

export function tabs(
  label: string,
  given: readonly Tab[],
  onSelect: (name: string) => void = () => {},
): Tabs {
  let selected = given[0]!.name
  const entries = given.map(({ name, label, panel }) => {
    const id = uniqueId('tab')
    const button = el(
      'button',
      { type: 'button', role: 'tab', id, 'aria-controls': `${id}-panel`, on: { click: () => select(name) } },
      label,
    )
    const place = el(
      'div',
      { role: 'tabpanel', id: `${id}-panel`, 'aria-labelledby': id, class: `panel panel-${name}` },
      panel,
    )
    return { name, button, place }
  })
  const list = el(
    'div',
    { role: 'tablist', 'aria-label': label, class: 'tablist', on: { keydown: move } },
    ...entries.map(({ button }) => button),
  )

  function select(name: string): void {
    selected = name
    for (const entry of entries) {
      const on = entry.name === name
      entry.button.setAttribute('aria-selected', String(on))
      entry.button.tabIndex = on ? 0 : -1
      entry.place.hidden = !on
    }
    onSelect(name)
  }

  function move(event: KeyboardEvent): void {
    const seen = entries.filter(({ button }) => !button.hidden)
    const at = seen.findIndex(({ name }) => name === selected)
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: seen.length - 1 }[event.key]
    if (to === undefined) return
    event.preventDefault()
    const next = seen[(to + seen.length) % seen.length]!
    select(next.name)
    next.button.focus()
  }

  select(selected)
  return {
    element: el('div', { class: 'tabs' }, list, ...entries.map(({ place }) => place)),
    select,
    get selected() {
      return selected
    },
    hide(name, hidden) {
      const entry = entries.find((each) => each.name === name)!
      entry.button.hidden = hidden
      if (hidden && selected === name) select(entries.find(({ button }) => !button.hidden)!.name)
    },
  }
}
