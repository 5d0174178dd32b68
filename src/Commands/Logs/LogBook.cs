using System.Globalization;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Ganymede.Commands;

/// <summary>The newest lines of this process's log, in memory, for those who look at them from afar. A slow reader loses lines, not memory.</summary>
[ProviderAlias("Book")]
public sealed class LogBook(TimeProvider time) : ILoggerProvider
{
    /// <summary>Lines that can be looked back at.</summary>
    public const int Kept = 2000;

    private const int Behind = 500, LongestLine = 8000;

    private readonly Lock _lock = new();
    private readonly Queue<string> _lines = new();
    private readonly List<Reader> _readers = [];

    /// <summary>One line of the log.</summary>
    public readonly record struct Entry(LogLevel Level, string Text);

    /// <summary>Somebody who follows; give it back.</summary>
    public sealed class Reader : IDisposable
    {
        private readonly LogBook _book;
        private readonly Channel<Entry> _channel = Channel.CreateBounded<Entry>(
            new BoundedChannelOptions(Behind) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

        internal Reader(LogBook book) => _book = book;

        public ChannelReader<Entry> Lines => _channel.Reader;

        internal void Take(Entry entry) => _channel.Writer.TryWrite(entry);

        public void Dispose()
        {
            lock (_book._lock)
                _book._readers.Remove(this);
        }
    }

    /// <summary>The newest lines, oldest of them first.</summary>
    public IReadOnlyList<string> Newest(int count)
    {
        lock (_lock)
            return [.. _lines.TakeLast(count)];
    }

    /// <summary>Lines from now on.</summary>
    public Reader Follow()
    {
        var reader = new Reader(this);
        lock (_lock)
            _readers.Add(reader);
        return reader;
    }

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
    }

    private void Write(LogLevel level, string category, string message, Exception? error)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{time.GetUtcNow():yyyy-MM-ddTHH:mm:ss.fffZ} {Short(level)}: {category} {message}{(error is null ? "" : $" {error.GetType().Name}: {error.Message}")}")
            .ReplaceLineEndings(" ");
        if (text.Length > LongestLine)
            text = text[..LongestLine] + "…";
        lock (_lock)
        {
            _lines.Enqueue(text);
            if (_lines.Count > Kept)
                _lines.Dequeue();
            foreach (var reader in _readers)
                reader.Take(new Entry(level, text));
        }
    }

    private static string Short(LogLevel level) => level switch
    {
        LogLevel.Trace => "trce",
        LogLevel.Debug => "dbug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "fail",
        _ => "crit",
    };

    private sealed class Logger(LogBook book, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                book.Write(logLevel, category, formatter(state, exception), exception);
        }
    }
}
