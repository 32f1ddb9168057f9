// What a soak does to its tunnels, and which ends each of these explains. An end that none explains is a finding.
import type { End } from './client.js'
import type { GatewayLine } from './gateway.js'

/** How a tunnel looks whose gateway or path was taken away. */
const cut = ['ERR_TLS_TRUNCATED', 'ERR_STREAM_RESET', 'ERR_WS_ABNORMAL', 'ERR_PING_TRUNCATED'] as const

/** How a dial looks while nobody is there. */
const unanswered = [
  'ERR_DIAL_REFUSED',
  'ERR_DIAL_RESET',
  'ERR_UPGRADE_EOF',
  'ERR_UPGRADE_UNAVAILABLE',
  'ERR_TLS_HANDSHAKE_EOF',
] as const

interface Explanation {
  /** Codes of tunnels that were open, and of dials. */
  readonly tunnel: readonly string[]
  readonly dial: readonly string[]
}

export const explanations = {
  // A dial may be cut in any of its phases, the inner handshake's last one included.
  'gateway killed': { tunnel: cut, dial: [...unanswered, ...cut] },
  // The new process takes the sockets over: no tunnel may notice, and a dial only in the moment of the change.
  'load balancer reloaded': { tunnel: [], dial: unanswered },
  'certificates rotated': { tunnel: [], dial: [] },
  // Open tunnels know no clock.
  'clients two years ahead': { tunnel: [], dial: ['ERR_CERT_EXPIRED', 'ERR_CONFIG_IDENTITY_EXPIRED'] },
  'clients two years behind': { tunnel: [], dial: ['ERR_CERT_NOT_YET_VALID'] },
  // Refused after TLS 1.3 is open for the client, who then hears only that it was cut.
  'gateway two years ahead': {
    tunnel: [...cut, 'ERR_WS_CLOSED', 'ERR_TLS_ALERT_CERTIFICATE_REFUSED', 'ERR_TLS_ALERT'],
    dial: [...cut, ...unanswered, 'ERR_WS_CLOSED', 'ERR_TLS_ALERT_CERTIFICATE_REFUSED'],
  },
} as const satisfies Record<string, Explanation>

export type DisturbanceName = keyof typeof explanations

export interface Disturbance {
  readonly what: DisturbanceName
  /** Milliseconds since 1970: from when until when it was so. */
  readonly from: number
  readonly to: number
  /** Tunnels open when it began. */
  readonly open: number
}

/** Milliseconds that word of a disturbance may take to reach a client on a busy machine. */
const grace = 20_000

/** What a gateway decides by itself: where it says so, no disturbance is to blame. */
const decisions: readonly string[] = [
  'ERR_TIMEOUT',
  'ERR_PING_TIMEOUT',
  'ERR_PING_TRUNCATED',
  'ERR_GATEWAY_LIMIT',
  'ERR_GATEWAY_CONNECT',
  'ERR_GATEWAY_UPSTREAM',
  'ERR_GATEWAY_NO_ROUTE',
  'ERR_WS_TOO_LARGE',
  'ERR_WS_PROTOCOL',
  'ERR_WS_TEXT',
  'ERR_INTERNAL',
]

/**
 * Ends by the disturbance that explains them and by code; what is left over is unexplained. `gatewayOn`: what the gateway
 * said of the same tunnel, if anything.
 */
export function explain(
  ends: readonly End[],
  disturbances: readonly Disturbance[],
  gatewayOn: (end: End) => Pick<GatewayLine, 'code'> | undefined = () => undefined,
): { readonly explained: Counts; readonly unexplained: Counts[string]; readonly riddles: readonly End[] } {
  const explained: Record<string, Record<string, number>> = {}
  const unexplained: Record<string, number> = {}
  const riddles: End[] = []
  for (const end of ends) {
    // The latest: a disturbance's echo may last into the next.
    const decided = decisions.includes(gatewayOn(end)?.code ?? '')
    const why = decided ? undefined : disturbances.findLast((each) => explains(each, end))
    if (why === undefined) riddles.push(end)
    const counts = why === undefined ? unexplained : (explained[why.what] ??= {})
    const key = `${end.phase} ${end.code}`
    counts[key] = (counts[key] ?? 0) + 1
  }
  return { explained, unexplained, riddles }
}

export type Counts = Readonly<Record<string, Readonly<Record<string, number>>>>

function explains({ what, from, to }: Disturbance, { phase, code, began, at }: End): boolean {
  const codes: readonly string[] = explanations[what][phase]
  return codes.includes(code) && began <= to && at >= from && at <= to + grace
}
