// SOCKS5 (RFC 1928) with user and password (RFC 1929) as a layer: greeting, perhaps a password, one CONNECT, then bytes pass
// untouched. Names go to the proxy as they are; whoever wants them resolved here gives an address.
import { concat, utf8 } from '../../bytes/index.js'
import { type ErrorCode, failure } from '../../errors-node.js'
import type { Layer } from '../../layer.js'
import { ipOctets } from '../../pki/index.js'
import type { Address } from '../platform.js'
import type { Credentials } from './http-connect.js'

export interface Socks5Options {
  readonly target: Address
  readonly credentials?: Credentials | undefined
}

/** Opens once the proxy is connected. Throws ERR_PROXY_CONFIG at once, ERR_PROXY_AUTH, _DENIED, _UPSTREAM, _PROTOCOL. */
export function socks5({ target, credentials }: Socks5Options): Layer<object> {
  const request = connectRequest(target)
  const secret = credentials && passwordRequest(credentials)
  const authority = `${target.host}:${target.port}`
  let state: 'greeting' | 'password' | 'connect' | 'open' = 'greeting'
  // At most 262 bytes: the longest reply, one that names a host.
  let pending: Uint8Array = new Uint8Array()

  /** The next `length` bytes, or undefined until they are there. */
  function take(length: number): Uint8Array | undefined {
    if (pending.length < length) return undefined
    const taken = pending.subarray(0, length)
    pending = pending.subarray(length)
    return taken
  }

  return {
    name: 'socks5',
    start(sink) {
      // RFC 1928 §3: the methods offered. A password is offered only where there is one.
      sink.down(new Uint8Array(secret === undefined ? [5, 1, NO_AUTH] : [5, 2, NO_AUTH, PASSWORD]))
    },
    receive(chunk, sink) {
      if (state === 'open') {
        sink.up(chunk)
        return
      }
      pending = pending.length === 0 ? chunk : concat(pending, chunk)
      if (state === 'greeting') {
        // What does not begin with the version is told at once: an HTTP proxy waits for a request that never comes.
        requireVersion(pending, 5)
        const answer = take(2)
        if (answer === undefined) return
        const method = answer[1]
        if (method === PASSWORD && secret !== undefined) {
          state = 'password'
          sink.down(secret)
        } else if (method === NO_AUTH) {
          state = 'connect'
          sink.down(request)
        } else {
          throw method === 0xff
            ? failure('ERR_PROXY_AUTH', secret ? 'it takes no password' : 'it wants a user and password')
            : failure('ERR_PROXY_PROTOCOL', `it chose the method ${method}, which was not offered`)
        }
      }
      if (state === 'password') {
        requireVersion(pending, 1)
        const answer = take(2)
        if (answer === undefined) return
        // RFC 1929 §2: any status but 0 is a failure.
        if (answer[1] !== 0) throw failure('ERR_PROXY_AUTH', 'the credentials given were refused')
        state = 'connect'
        sink.down(request)
      }
      requireVersion(pending, 5)
      if (pending.length > 1 && pending[1] !== 0) throw refusal(pending[1]!, authority)
      const length = replyLength(pending)
      if (length === undefined || take(length) === undefined) return
      state = 'open'
      sink.open({})
      if (pending.length > 0) sink.up(pending)
    },
    eof(cause, sink) {
      // OpenSSH ends the connection instead of a reply when it gets no further.
      if (state === 'connect')
        throw failure(
          'ERR_PROXY_UPSTREAM',
          `it closed the connection instead of an answer, for ${authority}`,
          {
            cause,
          },
        )
      if (state !== 'open')
        throw failure('ERR_PROXY_PROTOCOL', 'it closed the connection before it was asked', { cause })
      sink.eof(cause)
    },
    send(chunk, sink) {
      if (state !== 'open') throw failure('ERR_INTERNAL', 'bytes sent before the proxy answered')
      sink.down(chunk)
    },
    end(sink) {
      sink.finish()
    },
  }
}

const NO_AUTH = 0
const PASSWORD = 2

// RFC 1928 §5.
const IPV4 = 1
const DOMAIN = 3
const IPV6 = 4

function connectRequest({ host, port }: Address): Uint8Array<ArrayBuffer> {
  const plain = host.replace(/^\[(.*)\]$/, '$1')
  const address = ipOctets(plain)
  const name = utf8(plain)
  if (address === undefined && name.length > 255)
    throw failure('ERR_PROXY_CONFIG', 'SOCKS5 takes no name of more than 255 bytes')
  const destination =
    address === undefined
      ? concat(new Uint8Array([DOMAIN, name.length]), name)
      : concat(new Uint8Array([address.length === 4 ? IPV4 : IPV6]), address)
  // RFC 1928 §4: version, CONNECT, reserved, destination, port in network order.
  return concat(new Uint8Array([5, 1, 0]), destination, new Uint8Array([port >> 8, port & 255]))
}

function passwordRequest({ user, password }: Credentials): Uint8Array<ArrayBuffer> {
  const [name, secret] = [utf8(user), utf8(password)]
  // RFC 1929 §2: 1 to 255 octets each. Many servers take an empty password all the same.
  if (name.length < 1 || name.length > 255 || secret.length > 255)
    throw failure('ERR_PROXY_CONFIG', 'SOCKS5 takes a user of 1 to 255 bytes and a password of at most 255')
  return concat(new Uint8Array([1, name.length]), name, new Uint8Array([secret.length]), secret)
}

function requireVersion(bytes: Uint8Array, version: number): void {
  const first = bytes[0]
  if (first === undefined || first === version) return
  const looks =
    first === 0x48 ? ' (an HTTP proxy, perhaps)' : first === 0 || first === 4 ? ' (SOCKS4, perhaps)' : ''
  throw failure('ERR_PROXY_PROTOCOL', `its answer does not begin with ${version}${looks}`)
}

/** Bytes of the whole reply (RFC 1928 §6), or undefined until that can be told. */
function replyLength(reply: Uint8Array): number | undefined {
  const [, , , type, first] = reply
  if (type === undefined) return undefined
  if (type === IPV4) return 10
  if (type === IPV6) return 22
  if (type !== DOMAIN) throw failure('ERR_PROXY_PROTOCOL', `an address of type ${type}`)
  return first === undefined ? undefined : 7 + first
}

// RFC 1928 §6.
const replies: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  1: ['ERR_PROXY_UPSTREAM', 'general failure'],
  2: ['ERR_PROXY_DENIED', 'not allowed by its rules'],
  3: ['ERR_PROXY_UPSTREAM', 'network unreachable'],
  4: ['ERR_PROXY_UPSTREAM', 'host unreachable'],
  5: ['ERR_PROXY_UPSTREAM', 'connection refused'],
  6: ['ERR_PROXY_UPSTREAM', 'TTL expired'],
  7: ['ERR_PROXY_PROTOCOL', 'it knows no CONNECT'],
  8: ['ERR_PROXY_PROTOCOL', 'it knows no such type of address'],
}

function refusal(status: number, authority: string): Error {
  const [code, said] = replies[status] ?? (['ERR_PROXY_PROTOCOL', `status ${status}`] as const)
  return failure(code, `${said}, for ${authority}`)
}
