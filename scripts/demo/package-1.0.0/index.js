module.exports = () => 'delta';
