namespace Ganymede.Messages;

/// <summary>Small text files of a run's folder that other processes read: there whole or not at all.</summary>
public static class AtomicFile
{
    /// <summary>Writes the file in place of what was there. Two processes that do so at once do not mix: the later rename stays.</summary>
    public static void Write(string path, string text) => Write(path, temporary => File.WriteAllText(temporary, text));

    /// <inheritdoc cref="Write(string, string)"/>
    public static void WriteLines(string path, IEnumerable<string> lines) => Write(path, temporary => File.WriteAllLines(temporary, lines));

    private static void Write(string path, Action<string> write)
    {
        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        write(temporary);
        File.Move(temporary, path, overwrite: true);
    }
}
