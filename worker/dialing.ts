// The Worker as the client of a tunnel: a dialer for one request, with the identity and the trust that the target names.
import {
  createDialer,
  type Dialer,
  explain,
  type Identity,
  loadIdentity,
  type TrustStore,
  TunnelError,
  type TunnelInfo,
  type TunnelSocket,
  trustStore,
  workerdPlatform,
} from 'underpass/workerd'
import type { Agent, Limits, Target } from './policy.js'
import { errorResponse } from './refusal.js'

interface Credentials {
  readonly identity: Identity
  readonly trust: TrustStore
  readonly originTrust: TrustStore | undefined
}

// Keys are parsed once in the life of the isolate. Results are kept, never promises: those belong to one request.
const loaded = new Map<string, Credentials>()

/** Closing the dialer ends the tunnel. Throws TunnelErrors. */
export async function dial(
  target: Target,
  agent: Agent,
  limits: Limits,
): Promise<{ readonly dialer: Dialer; readonly socket: TunnelSocket<TunnelInfo> }> {
  const dialer = await dialerFor(target, agent, limits)
  try {
    return { dialer, socket: await dialer.connect() }
  } catch (thrown) {
    await dialer.close()
    throw thrown
  }
}

export async function dialerFor(target: Target, agent: Agent, limits: Limits): Promise<Dialer> {
  const { identity, trust, originTrust } = await credentialsOf(agent)
  const milliseconds = limits.dialSeconds * 1000
  return createDialer({
    origin: target.origin,
    path: target.path,
    headers: target.headers,
    transport: agent.transport,
    ...(originTrust && { originTrust }),
    trust,
    identity,
    serverName: agent.serverName,
    alpn: [agent.alpn],
    timeouts: {
      connect: milliseconds,
      upgrade: milliseconds,
      handshake: milliseconds,
      linger: 1000,
    },
  })
}

/** What a client is told of a tunnel that failed: the library's code, sentence and hint. */
export async function tunnelFailure(error: TunnelError): Promise<Response> {
  const status = error.blame === 'config' ? 500 : error.code === 'ERR_TIMEOUT' ? 504 : 502
  const { what, hint } = await explain(error)
  return errorResponse(status, { code: error.code, message: what, hint })
}

export { TunnelError }

async function credentialsOf(agent: Agent): Promise<Credentials> {
  const { certificate, privateKey, originTrust } = agent
  const key = [agent.trust, originTrust ?? '', certificate, privateKey].join('\n')
  const known = loaded.get(key)
  if (known !== undefined) return known
  const credentials = {
    trust: trustStore(agent.trust),
    originTrust: originTrust === undefined ? undefined : trustStore(originTrust),
    identity: await loadIdentity({ certificate, privateKey }, workerdPlatform().crypto),
  }
  loaded.set(key, credentials)
  return credentials
}
