import { expect, test } from 'vitest'
import { shownByDoors } from './public-types.ts'

const shown = shownByDoors()

test('every symbol that users see, and every member of it, has a doc comment', () => {
  expect(shown.length).toBeGreaterThan(200)
  expect(shown.filter(({ text }) => !text).map(({ name }) => name)).toEqual([])
})

test('every option that may be left out says what holds then', () => {
  const options = shown.filter(({ name, isOptional }) => isOptional && /(Options|Info|Grant|Query|Config)\./.test(name))
  expect(options.length).toBeGreaterThan(50)
  expect(options.filter(({ otherwise }) => !otherwise).map(({ name }) => name)).toEqual([])
})
