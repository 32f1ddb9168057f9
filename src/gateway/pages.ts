// Static pages beside the tunnels: what `underpass console` is built to, served by the gateway itself. Files are read
// once, when it starts; a request names one of them or gets nothing. The strict headers here are THE headers: the build
// writes the same ones into `_headers` for the Worker's assets.
import { readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join, relative, sep } from 'node:path'

/**
 * What the browser holds the pages to. No inline script or style, nothing from another origin, no frame around them;
 * WebSockets may go anywhere that is encrypted, since the load balancer is what the user names.
 */
export const contentSecurityPolicy: string = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self' wss:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

export const pageHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy': contentSecurityPolicy,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
}

/** Files whose names hold a hash of their content. */
export const immutable = 'public, max-age=31536000, immutable'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
}

interface Page {
  readonly body: Buffer
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Answers GET and HEAD for the files of a folder, `/` being its `index.html`; false for everything else, which is then
 * somebody else's to answer. Throws what `node:fs` throws when the folder cannot be read.
 */
export function servePages(
  directory: string,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const pages = readPages(directory)
  return (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false
    const page = pages.get((request.url ?? '').replace(/[?#].*$/s, ''))
    if (page === undefined) return false
    response.writeHead(200, { ...pageHeaders, ...page.headers })
    response.end(request.method === 'HEAD' ? undefined : page.body)
    return true
  }
}

function readPages(directory: string): Map<string, Page> {
  const pages = new Map<string, Page>()
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const type = types[extname(entry.name)]
    if (!entry.isFile() || type === undefined) continue
    const file = join(entry.parentPath, entry.name)
    const path = `/${relative(directory, file).split(sep).join('/')}`
    const page = readPage(file, path, type)
    pages.set(path, page)
    if (path === '/index.html') pages.set('/', page)
  }
  return pages
}

function readPage(file: string, path: string, type: string): Page {
  const raw = readFileSync(file)
  // The page asks a Worker for a ticket before it opens a tunnel; a gateway is spoken to straight away.
  const body =
    path === '/index.html'
      ? Buffer.from(raw.toString('utf8').replace('data-server="worker"', 'data-server="gateway"'))
      : raw
  return {
    body,
    headers: {
      'Content-Type': type,
      'Content-Length': String(body.length),
      'Cache-Control': path.startsWith('/chunks/') ? immutable : 'no-cache',
    },
  }
}
