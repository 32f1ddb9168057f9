import { describe, expect, it } from 'vitest'
import { Admission } from '../../../src/gateway/admission.js'

describe('Admission', () => {
  it('bounds the total and each address, and takes places back once', () => {
    const admission = new Admission(3, 2)
    const first = admission.enter('a')!
    const second = admission.enter('a')!
    expect(admission.enter('a')).toBeUndefined()
    const other = admission.enter('b')!
    expect(admission.enter('c')).toBeUndefined()
    first()
    first()
    expect(admission.total).toBe(2)
    expect(admission.enter('a')).toBeDefined()
    expect(admission.enter('a')).toBeUndefined()
    other()
    second()
    expect(admission.total).toBe(1)
  })
})
