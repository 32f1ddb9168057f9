// What a client reads when there is no answer of the service: the code, the sentence, what to try; as a page for people.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TunnelError } from '../../errors-node.js'

export function statusOf(error: TunnelError): number {
  switch (error.code) {
    case 'ERR_LOCAL_REQUEST':
      return 400
    case 'ERR_LOCAL_DENIED':
    case 'ERR_CONFIG_IDENTITY_EXPIRED':
      return 403
    case 'ERR_LOCAL_LIMIT':
      return 503
    case 'ERR_TIMEOUT':
      return 504
    case 'ERR_UNSUPPORTED_PLATFORM':
      return 501
    default:
      return 502
  }
}

/** Answers with the error, if nothing was answered yet. */
export function answerError(request: IncomingMessage, response: ServerResponse, error: TunnelError): number {
  const status = statusOf(error)
  const html = /\btext\/html\b/.test(request.headers.accept ?? '')
  const body = html ? page(status, error) : text(error)
  response.writeHead(status, {
    'content-type': `text/${html ? 'html' : 'plain'}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
    'cache-control': 'no-store',
    'underpass-error': error.code,
    // What is left of the request was not read.
    ...(request.complete ? {} : { connection: 'close' }),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
  return status
}

/** The same for a socket that was to be upgraded. */
export function rawError(error: TunnelError): string {
  const body = text(error)
  const status = statusOf(error)
  return [
    `HTTP/1.1 ${status} Underpass`,
    `Underpass-Error: ${error.code}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n')
}

function text(error: TunnelError): string {
  return `${error.code}: ${error.message}\n${error.hint}\n`
}

function page(status: number, error: TunnelError): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${status} ${error.code}</title>
<style>body{font:16px/1.5 system-ui;max-width:40em;margin:4em auto;padding:0 1em}code{font-size:1.2em}</style>
<h1><code>${error.code}</code></h1><p>${escaped(error.message)}</p><p>${escaped(error.hint)}</p></html>
`
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
