// What the doctor found, layer by layer: the object of `doctor --json`, which the readable report and the advice are made
// from. Types only.
import type { ErrorCode } from '../../errors-node.js'
import type { CertificateFacts, TlsFacts } from '../certificate-facts.js'

export type Status = 'ok' | 'warn' | 'fail' | 'skipped'

/** One layer, or one try of it. */
export interface Finding {
  readonly status: Status
  /** One sentence without a full stop. */
  readonly summary: string
  readonly code?: ErrorCode
  /** What was seen, verbatim where a peer said it. */
  readonly evidence?: readonly string[]
  /** Milliseconds. */
  readonly ms?: number
}

export interface DnsFinding extends Finding {
  readonly addresses: readonly string[]
}

/** What a TLS hello that offered some protocols led to. */
export interface AlpnProbe extends Finding {
  readonly offered: readonly string[]
  readonly outcome: 'selected' | 'unselected' | 'unoffered' | 'refused' | 'cut' | 'failed'
  readonly alpn?: string
}

export interface OuterTlsFinding extends Finding {
  /** Application protocols; http/1.1; none. */
  readonly probes: readonly AlpnProbe[]
  /** As the last handshake that came through had it. */
  readonly tls?: TlsFacts
  /** Who signed the chain as it was sent, leaf first. */
  readonly chain: readonly CertificateFacts[]
  /** Who holds the other end of this TLS. */
  readonly endedBy: 'server' | 'load-balancer' | 'inspection' | 'unknown'
}

export interface PingFinding extends Finding {
  readonly httpStatus?: number
  /** Name and version of the server behind, as its ping says. */
  readonly server?: string
}

export interface UpgradeFinding extends Finding {
  readonly upgrade: 'websocket' | 'alpn-ping' | 'alpn'
  readonly subprotocol?: 'alpn-ping' | 'alpn'
  readonly httpStatus?: number
}

export interface InnerTlsFinding extends Finding {
  readonly alpn: string
  /** What carried it: `direct`, or an upgrade. */
  readonly over: string
  readonly tls?: TlsFacts
}

export interface IdleFinding extends Finding {
  readonly pings: boolean
  /** Milliseconds until it was cut; absent while it lasted. */
  readonly cutAfter?: number
}

export type Certainty = 'certain' | 'likely' | 'possible'

/** Who stands on the way. */
export interface VendorGuess {
  /** Key of the table: `nginx`, `aws-alb` … */
  readonly vendor: string
  readonly name: string
  /** `tls`: it ends the outer TLS. `http`: it speaks HTTP behind that. `server`: it is the far end. */
  readonly role: 'tls' | 'http' | 'server'
  readonly certainty: Certainty
  readonly evidence: readonly string[]
}

export interface Advice {
  readonly title: string
  readonly why: string
  /** Lines of whose configuration. */
  readonly config?: { readonly where: string; readonly lines: readonly string[] }
}

export interface DoctorReport {
  readonly schema: 'underpass/doctor/1'
  /** A tunnel can be had. */
  readonly ok: boolean
  readonly origin: string
  readonly verdict: 'direct' | 'upgrade' | 'none'
  /** The first reason why there is none. */
  readonly code?: ErrorCode
  readonly exitStatus: number
  readonly dns: DnsFinding
  readonly proxy: Finding
  readonly tcp: Finding
  readonly outerTls: OuterTlsFinding
  readonly ping: PingFinding
  readonly upgrades: readonly UpgradeFinding[]
  readonly innerTls: readonly InnerTlsFinding[]
  readonly idle: readonly IdleFinding[]
  readonly vendors: readonly VendorGuess[]
  readonly advice: readonly Advice[]
}
