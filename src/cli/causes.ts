// What hints call `cause`, for people: the errors below an error. Only ours, since what a platform says may quote what it was
// given.
import { TunnelError } from '../errors-node.js'

export function causesOf(error: TunnelError): TunnelError[] {
  const causes: TunnelError[] = []
  for (let { cause } = error; cause instanceof TunnelError && causes.length < 4; { cause } = cause)
    causes.push(cause)
  return causes
}
