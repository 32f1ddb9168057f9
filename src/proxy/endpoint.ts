// Places to listen, as people write them, and what it takes to listen there. A TCP place is on this machine only, unless
// somebody decided otherwise: a local proxy lets in whoever reaches it.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { type AddressInfo, isIP, type Server } from 'node:net'
import { failure, type TunnelError } from '../errors-node.js'
import type { Endpoint } from './options.js'
import { listenUnix } from './unix-socket.js'

/** Where a server listens now, and what undoes that. */
export interface Listening {
  readonly host?: string
  readonly port?: number
  readonly path?: string
  /** Stops accepting, and removes what listening left in the file system. */
  close(): Promise<void>
}

/** Throws ERR_LOCAL_LISTEN. */
export async function listenAt(server: Server, place: Endpoint): Promise<Listening> {
  if ('path' in place) {
    const remove = await listenUnix(server, place.path)
    return {
      path: place.path,
      async close() {
        await remove()
        server.close()
      },
    }
  }
  await new Promise<void>((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => reject(cannotListen(place, error))
    server.once('error', onError)
    server.listen({ host: place.host, port: place.port }, () => {
      server.off('error', onError)
      resolve()
    })
  })
  const { address, port } = server.address() as AddressInfo
  return { host: address, port, close: async () => void server.close() }
}

/** Whether only this machine reaches a place. */
export function isLocal(place: Endpoint): boolean {
  if ('path' in place) return true
  const { host } = place
  if (host === 'localhost' || host === '::1') return true
  return isIP(host) === 4 && host.startsWith('127.')
}

function cannotListen(
  place: { readonly host: string; readonly port: number },
  cause: NodeJS.ErrnoException,
): TunnelError {
  const where = `${place.host.includes(':') ? `[${place.host}]` : place.host}:${place.port}`
  const detail = `${where}: ${cause.code ?? cause.message}`
  if (cause.code === 'EADDRINUSE') {
    const holder = holderOf(place.port)
    return failure('ERR_LOCAL_LISTEN', `${where} is in use${holder === undefined ? '' : ` by ${holder}`}`, {
      cause,
      hint: `Choose another port (0 for any free one), or end who holds it: \`ss -ltnp 'sport = :${place.port}'\` or \`lsof -iTCP:${place.port} -sTCP:LISTEN\` tells.`,
    })
  }
  if (cause.code === 'EACCES')
    return failure('ERR_LOCAL_LISTEN', detail, {
      cause,
      hint: 'Ports below 1024 need a privilege: choose a higher one.',
    })
  if (cause.code === 'EADDRNOTAVAIL' || cause.code === 'ENOTFOUND')
    return failure('ERR_LOCAL_LISTEN', detail, { cause, hint: 'That address is not one of this machine.' })
  return failure('ERR_LOCAL_LISTEN', detail, { cause })
}

/** Who listens on a port, where /proc tells (Linux, our own processes or as root). Best effort: nothing depends on it. */
function holderOf(port: number): string | undefined {
  try {
    const wanted = port.toString(16).toUpperCase().padStart(4, '0')
    const inodes = new Set<string>()
    for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
      for (const line of readFileSync(table, 'latin1').split('\n').slice(1)) {
        const [, local, , state, , , , , , inode] = line.trim().split(/\s+/)
        if (state === '0A' && inode !== undefined && local?.endsWith(`:${wanted}`))
          inodes.add(`socket:[${inode}]`)
      }
    }
    if (inodes.size === 0) return undefined
    for (const pid of readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .slice(0, 4096)) {
      if (holds(pid, inodes)) return `process ${pid} (${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()})`
    }
  } catch {
    // Another system, or nobody's to see.
  }
  return undefined
}

function holds(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => inodes.has(readlinkSync(`/proc/${pid}/fd/${fd}`)))
  } catch {
    return false
  }
}
