// Tunnels as node's HTTP clients use them, and what their failures are called.
import { duplex } from '../../duplex/index.js'
import { asTunnelError, failure, TunnelError } from '../../errors-node.js'
import type { ServiceOptions } from './service.js'

/** A tunnel, dialed when it is first used. */
export function tunnelTo({ dialer, target }: ServiceOptions): ReturnType<typeof duplex> {
  return duplex(dialer, target)
}

/** What node's HTTP failed with: ours as it is, a connection's end or broken HTTP by its name. */
export function serviceFailure(thrown: unknown): TunnelError {
  for (let cause = thrown; cause instanceof Error; cause = cause.cause)
    if (cause instanceof TunnelError) return cause
  const { code } = thrown as NodeJS.ErrnoException
  if (typeof code === 'string') return failure('ERR_LOCAL_SERVICE', code, { cause: thrown })
  return asTunnelError(thrown, 'ERR_LOCAL_SERVICE')
}
