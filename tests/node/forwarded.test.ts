import { describe, expect, test } from 'vitest'
import { addressOf } from '../../src/node/forwarded.ts'

const of = (header: string | undefined, hops: number): string | undefined =>
  addressOf(new Headers(header === undefined ? {} : { 'x-forwarded-for': header }), '10.0.0.1', hops)

describe('the address of a request', () => {
  test.each<[string, string | undefined, number, string]>([
    ['is the socket’s where nothing stands in front, whatever is sent', '192.0.2.1', 0, '10.0.0.1'],
    ['is the socket’s where the header is missing', undefined, 1, '10.0.0.1'],
    ['is the last entry behind one proxy', 'spoofed, 192.0.2.1', 1, '192.0.2.1'],
    ['is the one before behind two', 'spoofed, 192.0.2.1, 10.0.0.2', 2, '192.0.2.1'],
    ['is the first where there are fewer than proxies', '192.0.2.1', 3, '192.0.2.1'],
    ['comes without its port', '192.0.2.1:4711', 1, '192.0.2.1'],
    ['comes without brackets', '[2001:db8::1]:4711', 1, '2001:db8::1'],
    ['is the socket’s where the entry is empty', 'x, ', 1, '10.0.0.1'],
    ['O7: is the last of 10 000', `${'1.1.1.1, '.repeat(9_999)}192.0.2.1`, 1, '192.0.2.1'],
  ])('%s', (_, header, hops, expected) => expect(of(header, hops)).toBe(expected))
})
