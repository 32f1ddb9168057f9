// A real Chromium page with `underpass/browser` in it, bundled from the sources and served from loopback, for tests that
// drive the page from Node. What runs inside the page is in in-page.ts; `page.evaluate` reaches it as `window.inPage`.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { build } from 'esbuild'
import { type Browser, chromium, type Page } from 'playwright'
import { publishedDigests } from '../../../scripts/forge-digests.js'
import type { Issued } from '../certificates.js'
import { chromiumFlags, chromiumPath } from '../chromium.js'
import type * as InPage from './in-page.js'

declare global {
  // Of the page, not of Node: for the types of what `page.evaluate` is given.
  var inPage: typeof InPage
}

/** A name that is no secure context, and leads to loopback in this browser. */
export const insecureName = 'insecure.test'

export interface PageLab {
  readonly browser: Browser
  /** The site's port on 127.0.0.1. */
  readonly port: number
  /** A page of a fresh profile with the library loaded, at `http://127.0.0.1` (secure) or another name. */
  open(host?: string): Promise<Page>
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts Chromium, which takes the TLS certificates given as good: as if their CA were installed. The page's script sets
 * `globalThis.inPage` when it is ready.
 */
export async function startPageLab(
  trusted: readonly Pick<Issued, 'key'>[] = [],
  script: string = 'test/support/page/main.ts',
): Promise<PageLab> {
  const server = await serve(await bundlePage(script))
  const pins = trusted.map(({ key }) => createHash('sha256').update(key.spki).digest('base64'))
  const browser = await chromium.launch({
    executablePath: chromiumPath() ?? 'chromium',
    headless: true,
    args: [
      ...chromiumFlags,
      '--enable-precise-memory-info',
      '--js-flags=--expose-gc',
      `--host-resolver-rules=MAP ${insecureName} 127.0.0.1`,
      ...(pins.length > 0 ? [`--ignore-certificate-errors-spki-list=${pins.join(',')}`] : []),
    ],
  })
  const { port } = server.address() as AddressInfo
  const stop = async (): Promise<void> => {
    await browser.close()
    if (!server.listening) return
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return {
    browser,
    port,
    async open(host = '127.0.0.1') {
      const context = await browser.newContext()
      const page = await context.newPage()
      await page.goto(`http://${host}:${port}/`)
      await page.waitForFunction(() => globalThis.inPage !== undefined)
      return page
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

type Files = ReadonlyMap<string, Uint8Array>

async function bundlePage(script: string): Promise<Files> {
  const { outputFiles } = await build({
    entryPoints: { page: script },
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2023',
    platform: 'browser',
    minify: true,
    write: false,
    outdir: '/',
    plugins: [publishedDigests],
    logLevel: 'silent',
  })
  return new Map(outputFiles.map(({ path, contents }) => [path, contents]))
}

async function serve(files: Files): Promise<Server> {
  const server = createServer((request, response) => {
    const file = files.get(request.url ?? '')
    if (file !== undefined) {
      response.writeHead(200, { 'content-type': 'text/javascript' })
      response.end(file)
    } else if (request.url === '/') {
      response.writeHead(200, { 'content-type': 'text/html' })
      response.end('<!doctype html><title>page</title><script type="module" src="/page.js"></script>')
    } else response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}
