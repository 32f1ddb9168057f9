// CONNECT to an HTTP proxy as a layer: one request, one answer, then bytes pass untouched; what follows the head in the same
// chunk rises. RFC 9110 §9.3.6 and §11.7, RFC 7617. The credentials enter the request and nothing else.
import { base64, latin1, utf8 } from '../../bytes/index.js'
import { failure, TunnelError } from '../../errors-node.js'
import type { Layer } from '../../layer.js'
import { fieldValues, httpHeadParser, printable, type ResponseHead } from '../../tunnel/http-head.js'
import type { Address } from '../platform.js'

export interface HttpConnectOptions {
  readonly target: Address
  readonly credentials?: Credentials | undefined
  /** Bytes of response head; default 64 KiB. */
  readonly maxHead?: number
}

export interface Credentials {
  readonly user: string
  readonly password: string
}

/** Opens once the proxy grants the tunnel. Throws ERR_PROXY_AUTH, _DENIED, _UPSTREAM and _PROTOCOL. */
export function httpConnect(options: HttpConnectOptions): Layer<object> {
  const { host, port } = options.target
  const authority = `${host}:${port}`
  // A host from a URL is always so; nothing else may get into the request's lines.
  if (!/^[\x21-\x7e]+$/.test(host))
    throw failure('ERR_PROXY_CONFIG', 'the host cannot stand in an HTTP request')
  const parser = httpHeadParser({ bytes: options.maxHead ?? 64 * 1024, interim: 8 })
  let opened = false
  return {
    name: 'http-connect',
    start(sink) {
      sink.down(latin1(requestHead(authority, options.credentials)))
    },
    receive(chunk, sink) {
      if (opened) {
        sink.up(chunk)
        return
      }
      const answer = readHead(parser, chunk)
      if (answer === undefined) return
      const { status } = answer.head
      // RFC 9110 §9.3.6: any 2xx means that the tunnel is there, and a Content-Length in it means nothing.
      if (status < 200 || status > 299)
        throw refusal(answer.head, authority, options.credentials !== undefined)
      opened = true
      sink.open({})
      if (answer.rest.length > 0) sink.up(answer.rest)
    },
    eof(cause, sink) {
      if (!opened)
        throw failure(
          'ERR_PROXY_PROTOCOL',
          `it closed the connection after ${parser.size()} bytes of its answer`,
          {
            cause,
          },
        )
      sink.eof(cause)
    },
    send(chunk, sink) {
      if (!opened) throw failure('ERR_INTERNAL', 'bytes sent before the proxy answered')
      sink.down(chunk)
    },
    end(sink) {
      sink.finish()
    },
  }
}

function requestHead(authority: string, credentials: Credentials | undefined): string {
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`]
  if (credentials !== undefined) {
    const { user, password } = credentials
    lines.push(`Proxy-Authorization: Basic ${base64(utf8(`${user}:${password}`))}`)
  }
  return `${lines.join('\r\n')}\r\n\r\n`
}

function readHead(
  parser: ReturnType<typeof httpHeadParser>,
  chunk: Uint8Array,
): ReturnType<typeof parser.feed> {
  try {
    return parser.feed(chunk)
  } catch (error) {
    // The parser speaks of upgrades; here it is the proxy that answers.
    if (!(error instanceof TunnelError)) throw error
    throw failure('ERR_PROXY_PROTOCOL', error.detail, { evidence: error.evidence })
  }
}

function refusal(head: ResponseHead, authority: string, withCredentials: boolean): TunnelError {
  const { status } = head
  const evidence = [printable(head.statusLine, 100), ...shown(head, 'server'), ...shown(head, 'via')]
  // RFC 9110 §15.5.8; some proxies say 401 to credentials that are wrong.
  if (status === 407 || status === 401) {
    const schemes = fieldValues(head, 'proxy-authenticate').map((value) =>
      printable(value.split(' ')[0]!, 20),
    )
    const asked = schemes.length === 0 ? '' : `, it takes ${schemes.join(', ')}`
    const detail = withCredentials ? 'the credentials given were refused' : 'none were given'
    return failure('ERR_PROXY_AUTH', `${status}, ${detail}${asked}`, { evidence })
  }
  const said = `${status} for ${authority}`
  if (status >= 500) return failure('ERR_PROXY_UPSTREAM', said, { evidence })
  if (status >= 300) return failure('ERR_PROXY_DENIED', said, { evidence })
  return failure('ERR_PROXY_PROTOCOL', `status ${status}`, { evidence })
}

function shown(head: ResponseHead, name: string): string[] {
  return fieldValues(head, name).map((value) => `${name}: ${printable(value, 60)}`)
}
