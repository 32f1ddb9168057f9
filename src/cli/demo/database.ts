// PostgreSQL in this process (PGlite, compiled to WebAssembly) behind a loopback port, its data kept between runs: the
// first start makes a cluster (seconds), later ones open it (a fraction of a second). One demo at a time may hold the
// data folder; a second one works in memory.
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { PGlite } from '@electric-sql/pglite'
import { failure } from '../../errors-node.js'

export interface Database {
  readonly port: number
  /** `new`, `kept` or `in memory`. */
  readonly storage: string
  close(): Promise<void>
}

export async function startDatabase(folder: string): Promise<Database> {
  const { PGlite, PGLiteSocketServer } = await load()
  await mkdir(folder, { recursive: true })
  const lock = await takeLock(join(folder, 'lock'))
  try {
    const { db, storage } = await openDatabase(PGlite, lock && join(folder, 'data'))
    const server = new PGLiteSocketServer({ db, host: '127.0.0.1', port: 0, maxConnections: 32 })
    await server.start()
    const port = Number(server.getServerConn().split(':').pop())
    return {
      port,
      storage,
      async close() {
        await server.stop()
        await db.close()
        await lock?.release()
      },
    }
  } catch (error) {
    await lock?.release()
    throw error
  }
}

async function load(): Promise<
  typeof import('@electric-sql/pglite') & typeof import('@electric-sql/pglite-socket')
> {
  try {
    const [pglite, socket] = await Promise.all([
      import('@electric-sql/pglite'),
      import('@electric-sql/pglite-socket'),
    ])
    return { ...pglite, ...socket }
  } catch (cause) {
    throw failure('ERR_CONFIG_INVALID', 'the demo needs its database, which is not installed', {
      cause,
      hint: 'Run `npm install @electric-sql/pglite @electric-sql/pglite-socket pg` beside underpass.',
    })
  }
}

async function openDatabase(
  Database: typeof PGlite,
  folder: string | undefined,
): Promise<{ db: PGlite; storage: string }> {
  if (folder === undefined) return { db: await Database.create(), storage: 'in memory' }
  const kept = await readFile(join(folder, 'PG_VERSION')).then(
    () => true,
    () => false,
  )
  try {
    return { db: await Database.create(folder), storage: kept ? 'kept' : 'new' }
  } catch {
    // A run that was killed while it made the cluster leaves one that cannot be opened; nothing in it is of value.
    await rm(folder, { recursive: true, force: true })
    return { db: await Database.create(folder), storage: 'new' }
  }
}

/** A lock file that holds our process id; one left by a process that is gone is taken over. */
async function takeLock(path: string): Promise<{ release(): Promise<void> } | undefined> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const file = await open(path, 'wx')
      await file.writeFile(String(process.pid))
      await file.close()
      return { release: () => rm(path, { force: true }) }
    } catch {
      const holder = Number(await readFile(path, 'utf8').catch(() => ''))
      if (isAlive(holder)) return undefined
      await rm(path, { force: true })
    }
  }
  return undefined
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
