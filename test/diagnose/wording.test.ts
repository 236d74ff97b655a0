import { describe, expect, it } from 'vitest';
import { counted, listed, placeName, printable } from '../../src/diagnose/wording.ts';

describe('wording', () => {
  it('counts', () => {
    expect(counted(1, 'key')).toBe('1 key');
    expect(counted(2, 'key')).toBe('2 keys');
    expect(counted(0, 'tensor is', 'tensors are')).toBe('0 tensors are');
  });

  it('lists the first names and counts the rest', () => {
    expect(listed([])).toBe('');
    expect(listed(['a'])).toBe('a');
    expect(listed(['a', 'b', 'c'])).toBe('a, b and c');
    expect(listed(['a', 'b', 'c', 'd', 'e'])).toBe('a, b, c and 2 more');
  });

  it('names a place', () => {
    expect(placeName([])).toBe('the root');
    expect(placeName(['models', 0])).toBe('models.0');
  });

  it('lets no text of the file draw on a terminal', () => {
    expect(printable('a\u001b[31m\nb')).toBe('a\\u001b[31m\\u000ab');
    expect(printable('evil\u202etxt\ud800')).toBe('evil\\u202etxt\\ud800');
    expect(printable('größe 層')).toBe('größe 層');
    expect(printable('x'.repeat(500))).toHaveLength(80);
  });
});
