// Who stands on the way, guessed from what gives them away: headers, error pages, what a request that is broken on purpose
// gets, what plain HTTP on a TLS port gets, and what is made of an unknown application protocol. Each guess carries its
// evidence. What hides well is not seen: that nobody is named proves nothing.
import { TunnelError } from '../../errors-node.js'
import type { Certainty, DoctorReport, VendorGuess } from './findings.js'
import type { HttpAnswer } from './http-look.js'
import type { HttpAnswers } from './probe-http.js'
import { vendors } from './vendor-table.js'

export interface Clues extends Pick<DoctorReport, 'outerTls' | 'ping' | 'verdict'> {
  /** Heads of the answers to the upgrades. */
  readonly heads: readonly string[]
  readonly answers: HttpAnswers | undefined
}

/** Something that gives a vendor away. */
export interface Clue {
  readonly vendor: string
  readonly certainty: Certainty
  readonly evidence: string
  /** Where it shows: whoever ends TLS, whoever speaks HTTP first, or somebody behind. */
  readonly place: 'tls' | 'first' | 'behind'
}

const ranks: readonly Certainty[] = ['possible', 'likely', 'certain']

/** The nearest first: who ends TLS, then who speaks HTTP behind it, then the server. */
export function guessVendors(clues: Clues): VendorGuess[] {
  const told = [...pageClues(clues), ...headerClues(clues)]
  // Whoever speaks HTTP first may as well end TLS without ALPN (HAProxy's `bind … ssl` with no `alpn`): it takes nobody before
  // it to do so.
  const isNamed = told.some(({ place }) => place !== 'behind')
  const found = [...told, ...tlsClues(clues, isNamed)]
  const sure = new Set(found.filter(({ certainty }) => certainty !== 'possible').map(({ vendor }) => vendor))
  // What merely could be somebody is of no interest beside what is.
  const kept = found.filter(
    ({ vendor, certainty }) => certainty !== 'possible' || sure.size === 0 || sure.has(vendor),
  )
  const guesses = [...new Set(kept.map(({ vendor }) => vendor))].map(
    (vendor): VendorGuess & { at: number } => {
      const own = kept.filter((clue) => clue.vendor === vendor)
      const certainty = ranks[Math.max(...own.map((clue) => ranks.indexOf(clue.certainty)))]!
      const at = Math.min(...own.map(({ place }) => ['tls', 'first', 'behind'].indexOf(place)))
      const evidence = [...new Set(own.map((clue) => clue.evidence))]
      return { vendor, name: vendors[vendor]!.name, role: 'http', certainty, evidence, at }
    },
  )
  guesses.sort((a, b) => a.at - b.at || ranks.indexOf(b.certainty) - ranks.indexOf(a.certainty))
  const nearest = clues.verdict !== 'direct' && clues.outerTls.status !== 'skipped'
  const named = guesses.map(
    ({ at: _, ...guess }, index): VendorGuess => ({
      ...guess,
      role: index === 0 && nearest ? 'tls' : 'http',
    }),
  )
  return [...named, ...serverGuess(clues)]
}

function serverGuess({ ping, verdict, outerTls }: Clues): VendorGuess[] {
  const base = { role: 'server' } as const
  if (ping.server !== undefined) {
    const vendor = ping.server.startsWith('underpass') ? 'underpass' : 'teleport'
    const evidence = [`/webapi/ping answers as ${ping.server}`]
    return [{ ...base, vendor, name: vendors[vendor]!.name, certainty: 'certain', evidence }]
  }
  if (verdict !== 'direct') return []
  const selected = outerTls.probes.find(({ outcome, alpn }) => outcome === 'selected' && alpn !== 'http/1.1')
  if (selected === undefined) return []
  const evidence = [`${selected.alpn} was selected, which only the server itself knows`]
  // Teleport's own port takes HTTP too; a gateway's direct port takes nothing but its routes.
  const others = outerTls.probes.filter(({ offered }) => offered[0] !== selected.offered[0])
  const strict = others.every(({ outcome }) => outcome === 'refused')
  if (strict) evidence.push('hellos without it were refused with alert 120')
  const vendor = strict ? 'underpass' : 'teleport'
  return [{ ...base, vendor, name: vendors[vendor]!.name, certainty: 'likely', evidence }]
}

function pageClues({ answers }: Clues): Clue[] {
  if (answers === undefined) return []
  const places = [
    ['plain', 'tls', 'plain HTTP on the TLS port'],
    ['broken', 'first', 'a request broken on purpose'],
    ['unknownPath', 'behind', 'an unknown path'],
    ['ping', 'behind', '/webapi/ping'],
  ] as const
  return places.flatMap(([key, place, asked]) => {
    const answer = answers[key]
    if (answer === undefined || answer instanceof TunnelError) return []
    const text = `${answer.statusLine}\n${answer.body}`
    return Object.entries(vendors).flatMap(([vendor, { pages = [] }]) =>
      pages
        .filter(({ pattern, only }) => (only === undefined || only === key) && pattern.test(text))
        .map(({ says, certainty = 'certain' }) => ({
          vendor,
          place,
          certainty,
          evidence: `${asked} was answered with ${says}`,
        })),
    )
  })
}

function headerClues({ answers, heads }: Clues): Clue[] {
  const direct = (['plain', 'broken'] as const).map((key) => ({
    place: key === 'plain' ? ('tls' as const) : ('first' as const),
    fields: fieldsOf(answers?.[key]),
  }))
  const passed = (['ping', 'unknownPath'] as const).map((key) => ({
    place: 'behind' as const,
    fields: fieldsOf(answers?.[key]),
  }))
  const switched = heads.map((head) => ({
    place: 'behind' as const,
    fields: head
      .split('\r\n')
      .slice(1)
      .flatMap((line): Array<readonly [string, string]> => {
        const colon = line.indexOf(':')
        return colon < 1 ? [] : [[line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]]
      }),
  }))
  return [...direct, ...passed, ...switched].flatMap(({ place, fields }) =>
    Object.entries(vendors).flatMap(([vendor, { headers = [] }]) =>
      headers.flatMap(([name, pattern]) =>
        fields
          .filter(([field, value]) => field === name && pattern.test(value))
          .map(([field, value]): Clue => {
            const shown = value.replace(/[^\x20-\x7e]/g, '?').slice(0, 80)
            return { vendor, place, certainty: 'certain', evidence: `header ${field}: ${shown}` }
          }),
      ),
    ),
  )
}

function tlsClues({ outerTls, answers, verdict }: Clues, isNamed: boolean): Clue[] {
  if (verdict === 'direct' || outerTls.probes.length < 3) return []
  const [ours, http] = outerTls.probes
  const plain = answers?.plain
  const mute = plain instanceof TunnelError || (plain !== undefined && plain.status === undefined)
  const clue = (vendor: string, certainty: Certainty, evidence: string): Clue => ({
    vendor,
    place: 'tls',
    certainty,
    evidence,
  })
  if (ours?.outcome === 'unoffered')
    return [clue('apache', 'likely', 'a protocol was selected that nobody offered, as mod_ssl does')]
  if (ours?.outcome === 'unselected' && http?.outcome === 'unselected') {
    const evidence =
      'no application protocol is ever selected: TLS is ended by something that does not know ALPN'
    return [
      clue('stunnel', mute && !isNamed ? 'likely' : 'possible', evidence),
      clue('aws-nlb', 'possible', evidence),
    ]
  }
  if (ours?.outcome === 'unselected' && mute)
    return [
      clue(
        'haproxy',
        'possible',
        'an unknown protocol is passed over, and plain HTTP on the TLS port gets no answer',
      ),
    ]
  if (ours?.outcome === 'unselected')
    return [clue('aws-alb', 'possible', 'an unknown protocol is passed over, and the handshake goes on')]
  if (ours?.outcome === 'refused')
    return [clue('nginx', 'possible', 'an unknown protocol is refused with alert 120')]
  return []
}

function fieldsOf(answer: HttpAnswer | TunnelError | undefined): HttpAnswer['fields'] {
  return answer === undefined || answer instanceof TunnelError ? [] : answer.fields
}
