// A dial over raw TCP: what it has beside any other. Only the files of that way use it.
import type { ChainExpectation, TrustStore, UnverifiedTrust } from '../pki/index.js'
import type { Platform } from '../platform/platform.js'
import type { upgrade, webSocket } from '../tunnel/index.js'
import type { SingleFlight, VerdictCache } from './cache.js'
import type { Run } from './run.js'

/** The layers under the inner TLS; tests put scripted ones here. */
export interface UnderLayers {
  readonly upgrade: typeof upgrade
  readonly webSocket: typeof webSocket
}

export interface TcpRun extends Run {
  readonly tcp: UnderLayers & {
    readonly dial: NonNullable<Platform['dialTcp']>
    /** The outer TLS under an upgrade, where it is the runtime's. */
    readonly dialTls: Platform['dialTls'] | undefined
    /** Who may vouch for the origin itself; undefined where it has no TLS, or where the runtime does that. */
    readonly trust: TrustStore | UnverifiedTrust | undefined
    readonly verdicts: VerdictCache
    readonly flights: SingleFlight
  }
}

/** Alternatives for the peer of the outer TLS: the origin's own, and once it selected our ALPN the inner server's too. */
export function outerExpectations(run: TcpRun, selectedOurs: boolean): readonly ChainExpectation[] {
  const originName = run.settings.origin.address.host
  const outer = run.tcp.trust
  const expectations: ChainExpectation[] = []
  if (outer !== undefined) expectations.push({ trust: outer, serverName: originName, purpose: 'server' })
  if (selectedOurs) {
    for (const serverName of new Set([run.settings.serverName, originName])) {
      expectations.push({ trust: run.trust, serverName, purpose: 'server' })
    }
  }
  return expectations
}
