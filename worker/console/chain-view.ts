// The certificates that the gateway proved itself with, leaf first, and what was checked about them; and, honestly, what
// a page cannot know about the outer connection.
import { el, fill } from './dom.js'
import type { Certificate, TimedTraceEvent, TunnelInfo } from './library.js'
import { dateText, hexText, keyText, lifeSpent, longName, shortName, untilText } from './names.js'

export interface ChainView {
  readonly element: HTMLElement
  clear(): void
  show(info: TunnelInfo, checks: readonly TimedTraceEvent[], outer: string): void
}

export function chainView(): ChainView {
  const element = el('div', { class: 'chain' })
  clear()

  function clear(): void {
    fill(
      element,
      el('p', { class: 'hint' }, 'The certificates of the gateway appear here once it has shown them.'),
    )
  }

  function show(info: TunnelInfo, checks: readonly TimedTraceEvent[], outer: string): void {
    const { peer } = info.tls
    fill(
      element,
      el(
        'div',
        { class: 'chain-path' },
        el('h3', {}, 'The path, from the gateway to what you trust'),
        pathList(peer.path, peer.verified),
      ),
      el(
        'div',
        { class: 'chain-checks' },
        el('h3', {}, 'What was checked'),
        checkList(info, checks),
        el('h3', {}, 'The outer connection'),
        el('p', { class: 'hint' }, outer),
      ),
    )
  }

  return { element, clear, show }
}

function pathList(path: readonly Certificate[], verified: boolean): HTMLElement {
  return el(
    'ol',
    { class: 'path' },
    ...path.map((certificate, depth) => {
      const last = depth === path.length - 1
      const role = depth === 0 ? 'Leaf' : last && verified ? 'Anchor: you trust it' : 'Intermediate'
      return el(
        'li',
        { class: depth === 0 ? 'leaf' : last && verified ? 'anchor' : '' },
        card(certificate, role),
      )
    }),
  )
}

function card(certificate: Certificate, role: string): HTMLElement {
  const now = Date.now()
  const names = (certificate.altNames ?? []).map((name) => name.text).filter((text) => text !== undefined)
  return el(
    'article',
    { class: 'certificate' },
    el('p', { class: 'eyebrow' }, role),
    el('h4', {}, shortName(certificate.subject)),
    el('p', { class: 'issued' }, `issued by ${shortName(certificate.issuer)}`),
    life(certificate, now),
    el(
      'dl',
      {},
      ...row('Subject', longName(certificate.subject) || '(empty)'),
      ...(names.length > 0 ? row('Names', names.join(', ')) : []),
      ...row('Key', keyText(certificate.publicKey.key)),
      ...row('Serial', hexText(certificate.serialNumber)),
      ...row('Valid', `${dateText(certificate.notBefore)} to ${dateText(certificate.notAfter)} UTC`),
    ),
  )
}

function life(certificate: Certificate, now: number): HTMLElement {
  const spent = Math.round(lifeSpent(certificate, now) * 100)
  return el(
    'p',
    { class: 'life' },
    el('meter', { min: 0, max: 100, value: spent, 'aria-label': `${spent} % of its life has passed` }),
    el('span', {}, untilText(certificate.notAfter, now)),
  )
}

function checkList(info: TunnelInfo, events: readonly TimedTraceEvent[]): HTMLElement {
  const { tls } = info
  const checks: Array<readonly [string, string]> = [
    [
      tls.peer.verified
        ? 'A path leads to an authority you named'
        : 'NOT verified: any certificate was accepted',
      tls.peer.verified
        ? `${tls.peer.path.length} certificates, each within its dates, its purpose and its constraints`
        : '',
    ],
    ['The leaf is for the server you asked for', tls.serverName ?? ''],
    ['The gateway has the key of the leaf', `signed with ${tls.signature}`],
    ['Nobody changed the handshake', 'both Finished messages agree'],
    ['The protocol was offered by us', tls.alpn ?? 'none'],
    [
      tls.clientCertificate ? 'You proved who you are' : 'The gateway did not ask who you are',
      tls.clientCertificate ? 'the client certificate was asked for, sent encrypted, and its key proved' : '',
    ],
  ]
  const seen = events.filter(({ event }) => event.type === 'check').length
  return el(
    'ul',
    { class: 'checks' },
    ...checks.map(([what, how]) => el('li', {}, el('strong', {}, what), el('span', {}, how))),
    el(
      'li',
      { class: 'quiet' },
      el('strong', {}, `${tls.version}, ${tls.suite}, ${tls.group}`),
      el('span', {}, `${seen} checks in the trace${tls.resumed ? '; resumed from a session' : ''}`),
    ),
  )
}

function row(term: string, text: string): HTMLElement[] {
  return [el('dt', {}, term), el('dd', {}, text)]
}
