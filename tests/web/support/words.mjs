/** Strings that would be trouble if they became markup, an address, a script or a shell command. */
export const nasty = ['<img src=x onerror=alert(1)>', '<script>alert(2)</script>', '"><svg onload=alert(3)>', "'; alert(4); '", '${alert(5)}',
  '{{constructor.constructor("alert(6)")()}}', 'javascript:alert(7)', '</pre></textarea><b>bold</b>', '\u202e\u0000gnol', '&lt;b&gt;'];
