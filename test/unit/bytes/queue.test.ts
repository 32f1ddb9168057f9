import { describe, expect, it } from 'vitest'
import { ByteQueue } from '../../../src/bytes/index.js'

function queueOf(...chunks: number[][]): ByteQueue {
  const queue = new ByteQueue()
  for (const chunk of chunks) queue.push(Uint8Array.from(chunk))
  return queue
}

describe('ByteQueue', () => {
  it('counts bytes and skips empty chunks', () => {
    const queue = queueOf([1, 2], [], [3])
    expect(queue.length).toBe(3)
    expect([queue.takeChunk(), queue.takeChunk()].map((chunk) => [...chunk!])).toEqual([[1, 2], [3]])
    expect(queue.length).toBe(0)
  })

  it('peeks across chunks without consuming, and gives no more than there is', () => {
    const queue = queueOf([1], [2, 3], [4])
    expect([...queue.peek(3)]).toEqual([1, 2, 3])
    expect([...queue.peek(9)]).toEqual([1, 2, 3, 4])
    expect([...queue.peek(0)]).toEqual([])
    expect([...new ByteQueue().peek(2)]).toEqual([])
    expect(queue.length).toBe(4)
  })

  it('peeks within one chunk without copying', () => {
    const chunk = Uint8Array.from([1, 2, 3])
    const queue = new ByteQueue()
    queue.push(chunk)
    expect(queue.peek(2).buffer).toBe(chunk.buffer)
  })

  it('takes in one piece, across the borders of chunks', () => {
    const queue = queueOf([1, 2], [3, 4, 5])
    expect([...queue.take(1)]).toEqual([1])
    expect([...queue.take(3)]).toEqual([2, 3, 4])
    expect(queue.length).toBe(1)
    expect([...queue.take(1)]).toEqual([5])
  })

  it('refuses to skip or take what is not there', () => {
    const queue = queueOf([1, 2])
    expect(() => queue.skip(3)).toThrow(RangeError)
    expect(() => queue.take(3)).toThrow(RangeError)
    expect(queue.length).toBe(2)
  })

  it('takes chunks whole or up to a bound', () => {
    const queue = queueOf([1, 2, 3], [4])
    expect([...queue.takeChunk(2)!]).toEqual([1, 2])
    expect([...queue.takeChunk(2)!]).toEqual([3])
    expect([...queue.takeChunk()!]).toEqual([4])
    expect(queue.takeChunk()).toBeUndefined()
  })

  it('reads on inside a chunk that was begun', () => {
    const queue = queueOf([1, 2, 3], [4, 5])
    queue.skip(1)
    expect([queue.at(0), queue.at(2), queue.at(4)]).toEqual([2, 4, undefined])
    expect([...queue.peek(3)]).toEqual([2, 3, 4])
    expect(queue.takeAll().map((chunk) => [...chunk])).toEqual([
      [2, 3],
      [4, 5],
    ])
    queue.push(Uint8Array.from([6]))
    expect([...queue.take(1)]).toEqual([6])
  })

  it('keeps order and length through thousands of small chunks', () => {
    const queue = new ByteQueue()
    const seen: number[] = []
    for (let i = 0; i < 5000; i++) {
      queue.push(Uint8Array.from([i & 0xff, (i >> 8) & 0xff]))
      if (i >= 1000) seen.push(...queue.take(i % 4))
    }
    while (queue.length > 0) seen.push(...queue.take(Math.min(7, queue.length)))
    expect(seen).toEqual(Array.from({ length: 5000 }, (_, i) => [i & 0xff, (i >> 8) & 0xff]).flat())
  })

  it('is empty after clear', () => {
    const queue = queueOf([1], [2])
    queue.clear()
    expect(queue.length).toBe(0)
    expect(queue.takeChunk()).toBeUndefined()
  })
})
