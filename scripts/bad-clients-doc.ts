// Renders the tables of bad clients in docs/hardening.md from the cases of test/adversarial/clients themselves: what a client
// does, what it hears, what the gateway tells and what its service sees.
import {
  certificateFaults,
  finishedFaults,
  proofFaults,
  resumptionFaults,
} from '../test/adversarial/clients/certificate-faults.js'
import {
  flightFaults12,
  helloFaults12,
  lastFaults12,
  openFaults12,
  tolerated12,
} from '../test/adversarial/clients/faults12.js'
import { frameFaults, pingFaults } from '../test/adversarial/clients/frame-faults.js'
import {
  firstRecordFaults,
  formFaults,
  nameFaults,
  retryFaults,
  shareFaults,
  versionFaults,
} from '../test/adversarial/clients/hello-faults.js'
import { requestFaults, webSocketFaults } from '../test/adversarial/clients/http-faults.js'
import { handshakeRecordFaults, openFaults } from '../test/adversarial/clients/record-faults.js'
import { tolerated } from '../test/adversarial/clients/tolerated.js'
import { between, code, table } from './fault-table.js'

const begin = '<!-- bad clients: written by `npm run docs` -->'
const end = '<!-- end of bad clients -->'

interface Row {
  readonly what: string
  readonly alert?: string
  readonly status?: number
  readonly close?: number
  readonly code: string
}

const answered: ReadonlyArray<readonly [title: string, hears: string, rows: readonly Row[]]> = [
  ['HTTP: an upgrade request with …', 'Status', requestFaults],
  ['HTTP: a WebSocket upgrade with …', 'Status', webSocketFaults],
  ['WebSocket: …', 'Close', frameFaults],
  ['Ping framing: …', 'Close', pingFaults],
  ['TLS 1.3: a ClientHello with …', 'Alert', [...versionFaults, ...formFaults]],
  ['TLS 1.3: names', 'Alert', nameFaults],
  ['TLS 1.3: a key share', 'Alert', shareFaults],
  ['TLS 1.3: a second ClientHello with …', 'Alert', retryFaults],
  ['The first record is …', 'Alert', firstRecordFaults],
  ['TLS 1.3: certificates', 'Alert', certificateFaults],
  ['TLS 1.3: CertificateVerify', 'Alert', proofFaults],
  ['TLS 1.3: Finished, and what comes before it', 'Alert', finishedFaults],
  ['TLS 1.3: a session', 'Alert', resumptionFaults],
  ['TLS 1.3: under handshake keys', 'Alert', handshakeRecordFaults],
  ['TLS 1.3: once open (the service is cut)', 'Alert', openFaults],
  ['TLS 1.2: a ClientHello with …', 'Alert', helloFaults12],
  ["TLS 1.2: the client's flight, with …", 'Alert', flightFaults12],
  ["TLS 1.2: the client's last word, with …", 'Alert', lastFaults12],
  ['TLS 1.2: once open (the service is cut)', 'Alert', openFaults12],
]

/** The document with its tables as the cases say it. */
export function badClients(document: string): string {
  return between(document, begin, end, tables())
}

function tables(): string {
  const refused = answered.reduce((sum, [, , rows]) => sum + rows.length, 0)
  const harmless = [...tolerated, ...tolerated12.map((row) => ({ ...row, what: `TLS 1.2: ${row.what}` }))]
  const intro = `${refused} broken rules, and ${harmless.length} that do no harm. — : closed without a word.`
  const parts = answered.map(([title, hears, rows]) =>
    table(
      title,
      ['What the client does', hears, 'Told, logged, counted'],
      rows.map((row) => [row.what, row.alert ?? row.status ?? row.close ?? '—', code(row.code)]),
    ),
  )
  const last = table(
    'Served all the same',
    ['What the client does', 'Why it may'],
    harmless.map(({ what, why }) => [what, why]),
  )
  return [intro, ...parts, last].join('\n\n')
}
