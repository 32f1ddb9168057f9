// The console: puts the parts of the page together and tells each what a connection does.
import { chainView } from './chain-view.js'
import { type Connection, connect } from './connection.js'
import { isSecure } from './crypto-choice.js'
import { el, fill } from './dom.js'
import { connectForm } from './form.js'
import { keylogView } from './keylog-view.js'
import { ladderView } from './ladder.js'
import type { TimedTraceEvent, TunnelInfo } from './library.js'
import { type PictureState, picture } from './picture.js'
import type { StationName } from './picture-layout.js'
import { takePrefill } from './prefill.js'
import { type Problem, problemOf } from './problem.js'
import { problemView } from './problem-view.js'
import { metersView } from './sparkline-view.js'
import { sqlView } from './sql/view.js'
import { tabs } from './tabs.js'
import { terminalView } from './terminal/view.js'
import { themeToggle } from './theme.js'

const at = (id: string): HTMLElement => document.getElementById(id)!
const server = document.documentElement.dataset.server === 'gateway' ? 'gateway' : 'worker'

let connection: Connection | undefined
let events: TimedTraceEvent[] = []
let lastInner = 'inner TLS'
let ready = false
/** Kept for the certificate view. */
const mostEvents = 2000

const draw = picture(at('picture'))
const showProblem = problemView(at('problem'))
const meters = metersView(at('meters'))
const ladder = ladderView()
const chain = chainView()
const terminal = terminalView()
const keylog = keylogView(say)
const sql = sqlView({ say, failed: (error) => connection?.fail(error) })
const form = connectForm({
  connect: () => void begin(),
  disconnect: () => connection?.end(),
  changed: () => ready && connection === undefined && show({}),
  server,
})
const workspace = tabs('Workspace', [
  { name: 'handshake', label: 'Handshake', panel: el('div', {}, ladder.element, keylog.element) },
  { name: 'chain', label: 'Certificates', panel: chain.element },
  { name: 'sql', label: 'SQL', panel: sql.element },
  { name: 'terminal', label: 'Terminal', panel: terminal.element },
])

at('theme').append(themeToggle())
at('form').append(form.element)
at('tabs').append(workspace.element)
workspace.hide('terminal', true)
if (!isSecure()) fill(at('banner'), insecureBanner())
const given = takePrefill()
if (given !== undefined) form.prefill(given)
ready = true
show({})

async function begin(): Promise<void> {
  showProblem(undefined)
  form.set('busy')
  const filled = await form.read().catch(refused)
  if (filled === undefined) return
  const { destination, login } = filled
  events = []
  ladder.clear(destination.serverName || 'Gateway')
  chain.clear()
  keylog.clear()
  workspace.select('handshake')
  const names = {
    ...(destination.way === 'straight' && { balancer: hostOf(destination.origin) }),
    gateway: destination.serverName,
  }
  standing('Connecting …')
  show({ phase: 'connecting', names, inner: 'inner TLS, being agreed' })
  connection = connect(filled, {
    trace(event) {
      if (events.length < mostEvents) events.push(event)
      ladder.add(event)
    },
    keylog: keylog.add,
    tunnel(info, meter) {
      form.set('open')
      meters.follow(meter)
      chain.show(info, events, outerWords(destination.way))
      show({ phase: 'open', names, inner: innerWords(info) })
      standing(`Connected: ${info.tls.version} to ${destination.serverName}`)
    },
    database(database, cancel) {
      workspace.hide('terminal', true)
      workspace.hide('sql', false)
      workspace.select('sql')
      show({
        phase: 'open',
        names: { ...names, service: `PostgreSQL ${database.version.split(' ')[0]}` },
        inner: lastInner,
      })
      standing(`Connected to ${login.database} as ${login.user}`)
      sql.open(database, cancel)
    },
    lines(bytes) {
      workspace.hide('sql', true)
      workspace.hide('terminal', false)
      workspace.select('terminal')
      void terminal.open(bytes, (error) => connection?.fail(error))
    },
    ended(problem) {
      connection = undefined
      form.set('idle')
      meters.stop()
      sql.close()
      terminal.close()
      showProblem(problem)
      if (problem === undefined) {
        standing('Not connected')
        show({ phase: 'closed', names, inner: 'inner TLS' })
      } else {
        standing(`Failed: ${problem.code}`)
        show({
          phase: 'failed',
          names,
          inner: 'inner TLS',
          broken: { at: stationOf(problem), code: problem.code },
        })
      }
    },
  })
}

/** What was filled in cannot be used: there is no connection yet that could say so. */
async function refused(error: unknown): Promise<undefined> {
  const problem = await problemOf(error)
  form.set('idle')
  showProblem(problem)
  standing(`Failed: ${problem.code}`)
}

function show(state: Partial<PictureState>): void {
  if (state.inner !== undefined) lastInner = state.inner
  draw({
    phase: 'idle',
    withWorker: form.way === 'worker',
    secure: form.way === 'straight' || location.protocol === 'https:',
    names: {},
    inner: 'inner TLS',
    ...state,
  })
}

function standing(words: string): void {
  fill(at('standing'), words)
  document.documentElement.dataset.standing = connection === undefined ? 'idle' : 'busy'
}

/** Into the live region, without changing how things stand. */
function say(words: string): void {
  fill(at('standing'), words)
}

function innerWords({ tls }: TunnelInfo): string {
  return `inner ${tls.version.replace('v', ' ')}${tls.clientCertificate ? ', mutual' : ''}`
}

function outerWords(way: 'worker' | 'straight'): string {
  const first =
    'A page is not shown the certificate of the server that its WebSocket goes to: the browser checked it, against its own roots, before a byte was sent.'
  return way === 'straight'
    ? `${first} Whoever ends that connection sees only the inner one’s ciphertext.`
    : `${first} The Worker checks the load balancer’s in the same way, and its configuration names where it may go. Both see only the inner connection’s ciphertext.`
}

/** Where the picture breaks. */
function stationOf({ phase, code }: Problem): StationName {
  if (phase === 'config' || (phase === 'ticket' && form.way === 'straight')) return 'page'
  if (phase === 'ticket') return 'worker'
  if (phase === 'service') return 'service'
  if (/ERR_(DIAL|UPGRADE|TIMEOUT|WS)/.test(code))
    return form.way === 'worker' && phase === 'dial' ? 'worker' : 'balancer'
  return 'gateway'
}

function hostOf(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).host : origin
}

function insecureBanner(): HTMLElement {
  return el(
    'p',
    { class: 'banner', role: 'note' },
    el('strong', {}, 'This page came over an insecure connection. '),
    'Whoever is on the way could have changed it, and could read what you type. The browser lends it no cryptography either: it brings its own, slower and in JavaScript. Use https, or localhost, for anything that matters.',
  )
}
