// Where the console's page lies: the folder an operator names, or the one that the package brings. A gateway that does not
// serve it never loads the code that does.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { failure } from '../errors-node.js'
import type { Pages } from './upgrade-listener.js'

/** In the package, and in a checkout where the page was built for the Worker. */
const folders = ['../console/', '../../worker/console/dist/'].map((path) => new URL(path, import.meta.url))

/** What answers requests for the page; undefined when it is not to be served. Throws ERR_GATEWAY_CONFIG. */
export async function consolePages(folder: boolean | string): Promise<Pages | undefined> {
  if (folder === false) return undefined
  const candidates = typeof folder === 'string' ? [folder] : folders.map((url) => fileURLToPath(url))
  const found = candidates.find((each) => existsSync(join(each, 'index.html')))
  if (found === undefined) {
    throw failure('ERR_GATEWAY_CONFIG', `listen.upgrade.console: no index.html in ${candidates.join(' or ')}`)
  }
  const { servePages } = await import('./pages.js')
  return servePages(found)
}
