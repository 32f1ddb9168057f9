// The SQL console: a query, its results as tables, errors at their place, cancel, CSV and the queries before.
import { copyText } from '../clipboard.js'
import { csv } from '../csv.js'
import { el, fill, uniqueId } from '../dom.js'
import type { Database, DatabaseProblem, ResultSet } from './database.js'
import { placeOf } from './position.js'
import { caps, QueryFailed } from './query-failed.js'
import { resultTable } from './result-table.js'

export interface SqlView {
  readonly element: HTMLElement
  open(database: Database, cancel: (request: Uint8Array<ArrayBuffer>) => Promise<void>): void
  close(): void
}

const welcome = `select version(), current_user, now() as "at";

select n, n * n as square, repeat('▪', n::int) as bar
from generate_series(1, 12) as n;`

export function sqlView(by: { say(words: string): void; failed(error: unknown): void }): SqlView {
  let database: Database | undefined
  let cancel: (request: Uint8Array<ArrayBuffer>) => Promise<void> = async () => {}
  let running = false
  const past: string[] = []
  let at = 0
  const editor = el('textarea', {
    id: uniqueId('sql'),
    class: 'editor',
    rows: 6,
    spellcheck: 'false',
    autocapitalize: 'off',
    autocomplete: 'off',
    'aria-describedby': 'sql-keys',
  })
  editor.value = welcome
  const runButton = el('button', { type: 'button', class: 'primary', on: { click: () => void run() } }, 'Run')
  const cancelButton = el('button', { type: 'button', on: { click: () => void stop() } }, 'Cancel')
  const history = el('ol', { class: 'history' })
  const historyBox = el(
    'details',
    { class: 'history-box', hidden: true },
    el('summary', {}, 'Queries before'),
    history,
  )
  const results = el('div', { class: 'results', 'aria-label': 'Results', role: 'region' })
  const about = el('p', { class: 'hint' }, 'Connect to a PostgreSQL service to run SQL here.')
  const element = el(
    'div',
    { class: 'sql' },
    el('label', { for: editor.id, class: 'unseen' }, 'SQL'),
    editor,
    el(
      'div',
      { class: 'bar' },
      runButton,
      cancelButton,
      el(
        'p',
        { class: 'hint', id: 'sql-keys' },
        el('kbd', {}, 'Ctrl'),
        ' ',
        el('kbd', {}, 'Enter'),
        ' runs, ',
        el('kbd', {}, 'Alt'),
        ' ',
        el('kbd', {}, '↑'),
        ' recalls',
      ),
    ),
    historyBox,
    about,
    results,
  )
  editor.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault()
      void run()
    } else if (event.altKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
      event.preventDefault()
      recall(event.key === 'ArrowUp' ? -1 : 1)
    }
  })

  function recall(step: number): void {
    if (past.length === 0) return
    at = Math.min(past.length - 1, Math.max(0, at + step))
    editor.value = past[at]!
  }

  function remember(sql: string): void {
    if (past.at(-1) !== sql) past.push(sql)
    if (past.length > 200) past.shift()
    at = past.length
    historyBox.hidden = false
    fill(
      history,
      ...past.toReversed().map((each) =>
        el(
          'li',
          {},
          el(
            'button',
            {
              type: 'button',
              on: {
                click: () => {
                  editor.value = each
                  editor.focus()
                },
              },
            },
            each.replace(/\s+/g, ' ').slice(0, 120),
          ),
        ),
      ),
    )
  }

  async function run(): Promise<void> {
    const sql = editor.value
    if (database === undefined || running || sql.trim() === '') return
    running = true
    arrange()
    remember(sql)
    const noticesBefore = database.notices.length
    const began = performance.now()
    fill(about, 'Running …')
    try {
      const sets = await database.run(sql)
      const took = `${(performance.now() - began).toFixed(1)} ms`
      const rows = sets.reduce((sum, { count }) => sum + count, 0)
      fill(about, `${took}${sets.length > 1 ? `, ${sets.length} results` : ''}`)
      fill(
        results,
        ...notices(database.notices.slice(noticesBefore)),
        ...sets.map((set, place) => section(set, place, sets.length)),
      )
      by.say(`${rows} rows in ${took}`)
    } catch (error) {
      fill(about)
      if (error instanceof QueryFailed) {
        fill(
          results,
          problemBox(error.problem, sql),
          ...error.results
            .filter(({ columns }) => columns.length > 0)
            .map((set, place) => section(set, place, 2)),
        )
        by.say(`Error ${error.problem.sqlstate}: ${error.problem.message}`)
      } else by.failed(error)
    } finally {
      running = false
      arrange()
    }
  }

  async function stop(): Promise<void> {
    if (database === undefined || !running) return
    cancelButton.disabled = true
    fill(about, 'Cancelling through a tunnel of its own …')
    try {
      await cancel(database.cancelRequest())
    } catch (error) {
      by.failed(error)
    }
  }

  function section(set: ResultSet, place: number, of: number): HTMLElement {
    const { columns, rows, count, command } = set
    const label = of > 1 ? `Result ${place + 1}` : 'Result'
    if (columns.length === 0)
      return el('section', { class: 'result' }, el('p', { class: 'command' }, command))
    const copy = el(
      'button',
      {
        type: 'button',
        class: 'quiet-button',
        on: {
          click: () => {
            const text = csv(
              columns.map(({ name }) => name),
              rows,
            )
            void copyText(text).then((done) =>
              by.say(done ? `${rows.length} rows copied as CSV` : 'The browser does not let this page copy'),
            )
          },
        },
      },
      'Copy CSV',
    )
    const capped =
      count > rows.length &&
      el(
        'p',
        { class: 'capped' },
        `${count} rows came; table and CSV hold the first ${rows.length} (the cap is ${caps.rows} rows or ${caps.characters / 1e6} million characters). Ask for less, with LIMIT or WHERE, to see the others.`,
      )
    return el(
      'section',
      { class: 'result', 'aria-label': label },
      el(
        'div',
        { class: 'result-head' },
        el('h3', {}, label, el('span', { class: 'count' }, ` ${count} ${count === 1 ? 'row' : 'rows'}`)),
        copy,
      ),
      capped,
      resultTable(set, label),
    )
  }

  function problemBox(problem: DatabaseProblem, sql: string): HTMLElement {
    const place = problem.position === undefined ? undefined : placeOf(sql, problem.position)
    if (place !== undefined) {
      editor.focus()
      editor.setSelectionRange(place.offset, Math.min(sql.length, place.offset + 1))
    }
    return el(
      'section',
      { class: 'query-problem', role: 'alert' },
      el('p', { class: 'code' }, `${problem.severity} ${problem.sqlstate}`),
      el('p', { class: 'what' }, problem.message),
      place !== undefined &&
        el(
          'pre',
          { class: 'marker', 'aria-label': `line ${place.line}, column ${place.column}` },
          `${place.text}\n${' '.repeat(place.column - 1)}▲`,
        ),
      place !== undefined && el('p', { class: 'hint' }, `Line ${place.line}, column ${place.column}`),
      problem.detail !== undefined && el('p', {}, problem.detail),
      problem.hint !== undefined && el('p', {}, `Hint: ${problem.hint}`),
    )
  }

  function arrange(): void {
    runButton.disabled = database === undefined || running
    cancelButton.disabled = !running
    element.classList.toggle('running', running)
  }

  arrange()
  return {
    element,
    open(given, how) {
      database = given
      cancel = how
      fill(about, `PostgreSQL ${given.version}. Ready.`)
      fill(results)
      arrange()
      editor.focus()
    },
    close() {
      database = undefined
      running = false
      fill(about, 'Not connected.')
      arrange()
    },
  }
}

function notices(given: readonly string[]): HTMLElement[] {
  return given.map((text) => el('p', { class: 'notice' }, text))
}
