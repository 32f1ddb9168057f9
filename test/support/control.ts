// A test's hand on something that runs elsewhere: it asks `GET /<name>` and waits until the test lets it go on.
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Deferred, deferred } from '../../src/stream/deferred.js'

export interface Control extends AsyncDisposable {
  readonly url: string
  /** Resolves when the name is asked for, now or before. */
  asked(name: string): Promise<void>
  /** Answers who waits for the name, or will. */
  release(name: string): void
}

export async function startControl(): Promise<Control> {
  const gates = new Map<string, { asked: Deferred; open: Deferred }>()
  const gate = (name: string) => {
    let made = gates.get(name)
    if (made === undefined) gates.set(name, (made = { asked: deferred(), open: deferred() }))
    return made
  }
  const waiting = new Set<ServerResponse>()
  const server = createServer((request, response) => {
    const { asked, open } = gate((request.url ?? '/').slice(1))
    waiting.add(response)
    asked.resolve()
    open.promise.then(() => response.end('go'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: (name) => gate(name).asked.promise,
    release: (name) => gate(name).open.resolve(),
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
}
