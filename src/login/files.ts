// Reading files of a login: bounded, through symbolic links, remembering what was looked at so that a change shows. A file
// that is missing is an answer too. No content enters an error.
import { type FileHandle, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { concat } from '../bytes/index.js'
import { failure } from '../errors-node.js'

/** One reading of a login: what was read, and what would tell that it is no longer so. */
export interface Reading {
  /** The file; undefined where there is none. Throws ERR_CONFIG_FILE when it is there and cannot be read. */
  find(path: string): Promise<LoginFile | undefined>
  /** As `find`; a missing file is ERR_CONFIG_FILE too. */
  read(path: string): Promise<LoginFile>
  /** State of every file that was asked for, as it was just before it was read. */
  readonly stamps: ReadonlyMap<string, string>
  /** Sentences about files that others may read. */
  readonly warnings: readonly string[]
  /** Notes that a private key came from this file: others should not be able to read it. */
  holdsKey(file: LoginFile): void
}

export interface LoginFile {
  readonly path: string
  readonly bytes: Uint8Array<ArrayBuffer>
  /** UTF-8, without a byte order mark. */
  readonly text: string
  /** Permission bits; undefined on Windows, where they say nothing. */
  readonly mode: number | undefined
  /** Milliseconds since 1970. */
  readonly modified: number
}

export function reading(): Reading {
  const stamps = new Map<string, string>()
  const warnings: string[] = []
  async function find(path: string): Promise<LoginFile | undefined> {
    // Taken before the content: whatever changes in between is seen as a change later.
    stamps.set(path, await stampOf(path))
    return readBounded(path)
  }
  return {
    stamps,
    warnings,
    find,
    async read(path) {
      const file = await find(path)
      if (file === undefined) throw failure('ERR_CONFIG_FILE', `${path} does not exist`)
      return file
    },
    holdsKey({ path, mode }) {
      if (mode === undefined || (mode & 0o044) === 0) return
      warnings.push(
        `the private key in ${path} can be read by others (mode ${octal(mode)}): chmod 600 ${path}`,
      )
    },
  }
}

/** What tells one state of a file from another: renewals replace it or write into it. */
export async function stampOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unreadable'
  }
}

/** The folders to be watched for changes of these files. */
export function foldersOf(paths: Iterable<string>): string[] {
  return [...new Set([...paths].map((path) => dirname(path)))]
}

/** Certificates, keys and profiles are a few kilobytes; a cluster's authorities a few hundred at most. */
const MAX_BYTES = 4 << 20

async function readBounded(path: string): Promise<LoginFile | undefined> {
  let handle: FileHandle
  try {
    handle = await open(path, 'r')
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw unreadable(path, error)
  }
  try {
    const facts = await handle.stat()
    // A pipe or a device would keep us waiting; <(process substitution) is a pipe, and works once.
    if (facts.isDirectory()) throw failure('ERR_CONFIG_FILE', `${path} is a directory`)
    const bytes = await readAtMost(handle, path)
    return {
      path,
      bytes,
      text: new TextDecoder().decode(bytes),
      mode: process.platform === 'win32' || !facts.isFile() ? undefined : facts.mode & 0o777,
      modified: facts.mtimeMs,
    }
  } catch (error) {
    throw (error as NodeJS.ErrnoException).syscall === undefined ? error : unreadable(path, error)
  } finally {
    await handle.close()
  }
}

/** What fits; the size that stat tells may be another one by now, and is 0 for files of the kernel. */
async function readAtMost(handle: FileHandle, path: string): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let size = 0
  for (;;) {
    const chunk = new Uint8Array(64 * 1024)
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, null)
    if (bytesRead === 0) break
    size += bytesRead
    if (size > MAX_BYTES) throw failure('ERR_CONFIG_FILE', `${path} is larger than ${MAX_BYTES >> 20} MiB`)
    chunks.push(chunk.subarray(0, bytesRead))
  }
  return concat(...chunks)
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}

function unreadable(path: string, cause: unknown): Error {
  return failure('ERR_CONFIG_FILE', `${path}: ${(cause as NodeJS.ErrnoException).code ?? 'unreadable'}`, {
    cause,
  })
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}
