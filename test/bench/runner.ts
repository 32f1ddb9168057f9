// A contender's process: told over IPC whom to be and what to do, it answers with what that cost. One process for each,
// so that nobody is judged by what another did to the engine's caches.
import { type Connect, contenders, type Setup } from './contenders.js'
import { type Cost, costOf, download, greeting, type Link, pingPong, upload } from './link.js'

export type Order =
  | { readonly do: 'be'; readonly contender: string; readonly setup: Setup }
  | { readonly do: 'handshakes'; readonly count: number }
  | { readonly do: 'download' | 'upload'; readonly bytes: number }
  | { readonly do: 'ping'; readonly count: number; readonly size: number }

export interface Answer extends Cost {
  /** Bytes. */
  readonly rss: number
  readonly error?: string
}

let connect: Connect
/** Kept between orders; handshakes have their own. */
let link: Link | undefined

async function obey(order: Order): Promise<void> {
  switch (order.do) {
    case 'be':
      connect = await contenders[order.contender]!(order.setup)
      return
    case 'handshakes':
      for (let i = 0; i < order.count; i++) {
        const one = await connect()
        await greeting(one)
        one.destroy()
      }
      return
    case 'download':
      link ??= await connect()
      return download(link, order.bytes)
    case 'upload':
      link ??= await connect()
      return upload(link, order.bytes)
    case 'ping': {
      const one = await connect()
      await pingPong(one, order.count, order.size)
      one.destroy()
    }
  }
}

process.on('message', (order: Order) => {
  costOf(() => obey(order))
    .then((cost) => process.send!({ ...cost, rss: process.memoryUsage.rss() }))
    .catch((error: unknown) => process.send!({ error: (error as Error).stack ?? String(error) }))
})
process.on('disconnect', () => process.exit())
process.on('uncaughtException', (error) => process.send?.({ error: error.stack }))
