// A result as a table. Only rows in sight are in the document; row numbers and counts tell assistive technology how many
// there are.
import { el, fill } from '../dom.js'
import { rowsInSight } from '../virtual-rows.js'
import type { ResultSet } from './database.js'

const rowHeight = 30
/** Of a cell, left and right together. */
const padding = 26
/** Rows whose values decide how wide columns are. */
const looked = 200
/** OIDs of numbers, which stand on the right: int8 int2 int4 oid float4 float8 money numeric. */
const numeric = new Set([20, 21, 23, 26, 700, 701, 790, 1700])

export function resultTable(result: ResultSet, label: string): HTMLElement {
  const { columns, rows } = result
  const body = el('tbody')
  const widths = [
    Math.max(3, String(rows.length).length + 1),
    ...columns.map(({ name }, at) =>
      widthOf(
        name,
        rows.slice(0, looked).map((row) => row[at] ?? null),
      ),
    ),
  ]
  const head = el(
    'thead',
    {},
    el(
      'tr',
      { 'aria-rowindex': 1 },
      el('th', { scope: 'col', class: 'number' }, el('span', { class: 'unseen' }, 'Row')),
      ...columns.map(({ name, type }) =>
        el('th', { scope: 'col', class: numeric.has(type) ? 'right' : '' }, name),
      ),
      el('td', { 'aria-hidden': 'true' }),
    ),
  )
  const table = el(
    'table',
    { 'aria-label': label, 'aria-rowcount': rows.length + 1, 'aria-colcount': columns.length + 1 },
    el('colgroup', {}, ...widths.map(column), el('col')),
    head,
    body,
  )
  // The last column takes what is left of the width; without a width of its own no table keeps to its columns.
  const characters = widths.reduce((sum, width) => sum + width, 0)
  table.style.width = `max(100%, calc(${characters}ch + ${widths.length * padding}px))`
  const sheet = el(
    'div',
    { class: 'sheet', tabindex: 0, role: 'region', 'aria-label': `${label}, scrolls` },
    table,
  )

  function draw(): void {
    const window = rowsInSight(rows.length, {
      scrollTop: sheet.scrollTop - rowHeight,
      height: sheet.clientHeight || 400,
      rowHeight,
    })
    fill(
      body,
      room(window.before, columns.length),
      ...rows.slice(window.first, window.end).map((row, at) => line(row, window.first + at)),
      room(window.after, columns.length),
    )
  }

  function line(row: ReadonlyArray<string | null>, at: number): HTMLElement {
    return el(
      'tr',
      { 'aria-rowindex': at + 2 },
      el('td', { class: 'number' }, at + 1),
      ...row.map((value, place) => cell(value, numeric.has(columns[place]?.type ?? 0))),
      el('td', { 'aria-hidden': 'true' }),
    )
  }

  let asked = false
  sheet.addEventListener('scroll', () => {
    if (asked) return
    asked = true
    requestAnimationFrame(() => {
      asked = false
      draw()
    })
  })
  draw()
  return sheet
}

function cell(value: string | null, right: boolean): HTMLElement {
  if (value === null) return el('td', { class: 'null' }, 'NULL')
  // The whole value is in the CSV, and in the title as far as it is read.
  return el(
    'td',
    { class: right ? 'right' : '', title: value.length > 40 ? value.slice(0, 2000) : undefined },
    value.length > 500 ? `${value.slice(0, 500)}…` : value,
  )
}

function room(height: number, columns: number): HTMLElement {
  const filler = el('td', { colspan: columns + 2 })
  filler.style.height = `${height}px`
  return el('tr', { class: 'room', 'aria-hidden': 'true', hidden: height === 0 }, filler)
}

function column(characters: number): HTMLElement {
  const made = el('col')
  made.style.width = `calc(${characters}ch + ${padding}px)`
  return made
}

function widthOf(name: string, values: ReadonlyArray<string | null>): number {
  const longest = values.reduce((most, value) => Math.max(most, value?.length ?? 4), name.length)
  return Math.min(44, Math.max(5, longest))
}
