// A unix socket as a listening place: private from its first moment, in the place of a stale one, never in the place of
// anything else. It is bound in a folder that only we may enter and linked to its name, which fails where something is;
// Node removes the name it bound when it closes, so that ours is left for us to remove, if it still is the one we made.
import { chmod, link, lstat, mkdtemp, rm, rmdir, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { failure, type TunnelError } from '../errors-node.js'

// Of sun_path: 108 on Linux, 104 on macOS and BSD, the zero at its end included.
const longestPath = 103

/** Listen at `path`; resolves with what removes the name again. Throws ERR_LOCAL_LISTEN. */
export async function listenUnix(server: Server, path: string): Promise<() => Promise<void>> {
  const name = resolve(path)
  await clearStale(name)
  let folder: string
  try {
    folder = await mkdtemp(join(dirname(name), '.up-'))
  } catch (cause) {
    throw cannot(path, systemCode(cause), cause)
  }
  const bound = join(folder, 's')
  try {
    if (Math.max(Buffer.byteLength(bound), Buffer.byteLength(name)) > longestPath)
      throw cannot(path, `longer than the ${longestPath} bytes of a unix socket's address`)
    await listening(server, bound)
    await chmod(bound, 0o600)
    const { dev, ino } = await lstat(bound)
    await link(bound, name)
    await unlink(bound)
    return async () => {
      const there = await lstat(name).catch(() => undefined)
      if (there?.isSocket() && there.dev === dev && there.ino === ino) await unlink(name).catch(() => {})
    }
  } catch (cause) {
    server.close()
    await rm(bound, { force: true })
    throw systemCode(cause) === 'EEXIST'
      ? cannot(path, 'something else was made there meanwhile', cause)
      : asListen(path, cause)
  } finally {
    await rmdir(folder).catch(() => {})
  }
}

/** Removes a socket that nobody listens at. Throws ERR_LOCAL_LISTEN for one in use, and for what is no socket. */
async function clearStale(name: string): Promise<void> {
  const there = await lstat(name).catch((cause) => {
    if (systemCode(cause) === 'ENOENT') return undefined
    throw cannot(name, systemCode(cause), cause)
  })
  if (there === undefined) return
  if (!there.isSocket()) throw cannot(name, 'there is something that is no socket; it was left alone')
  if (await answers(name))
    throw failure('ERR_LOCAL_LISTEN', `${name}: another process listens there`, {
      hint: `See who: \`ss -xlp src ${name}\` or \`lsof ${name}\`. End it, or choose another path.`,
    })
  await unlink(name).catch(() => {})
}

function answers(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path: name })
    const settle = (result: boolean) => {
      socket.destroy()
      resolve(result)
    }
    socket.once('connect', () => settle(true))
    // Anything but a refusal (no rights, a full queue) may hide a listener: it is not ours to remove.
    socket.once('error', (error) => settle(!['ECONNREFUSED', 'ENOENT'].includes(systemCode(error))))
  })
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ path }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function asListen(path: string, cause: unknown): unknown {
  return cause instanceof Error && 'syscall' in cause ? cannot(path, systemCode(cause), cause) : cause
}

function cannot(path: string, why: string, cause?: unknown): TunnelError {
  return failure('ERR_LOCAL_LISTEN', `${path}: ${why}`, cause === undefined ? {} : { cause })
}

function systemCode(cause: unknown): string {
  return (cause as NodeJS.ErrnoException | undefined)?.code ?? 'unknown error'
}
