using System.Text.Json;

namespace Ganymede.Cli;

/// <summary>The newest step in a ledger that others write.</summary>
internal sealed class LedgerTail(string folder)
{
    private const int LongestLine = 512;

    private readonly string _path = Path.Combine(folder, "ledger.jsonl");

    /// <summary>Step and view of the last line that is whole; zeros where there is none.</summary>
    public (long Step, long View) Read()
    {
        try
        {
            // A new lead replaces the file: it is opened anew each time.
            using var file = new FileStream(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            file.Seek(Math.Max(0, file.Length - LongestLine), SeekOrigin.Begin);
            var tail = new byte[LongestLine];
            var lines = tail.AsSpan(0, file.ReadAtLeast(tail, LongestLine, throwOnEndOfStream: false));
            var end = lines.LastIndexOf((byte)'\n');
            if (end <= 0)
                return default;
            using var json = JsonDocument.Parse(lines[(lines[..end].LastIndexOf((byte)'\n') + 1)..end].ToArray());
            return (json.RootElement.GetProperty("step").GetInt64(), json.RootElement.GetProperty("view").GetInt64());
        }
        catch (IOException)
        {
            return default;
        }
    }
}
