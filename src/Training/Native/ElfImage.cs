using System.Buffers.Binary;
using System.Text;

namespace Ganymede.Training;

/// <summary>
/// The sections of a 64-bit little-endian ELF file, read with every offset checked against the file's length.
/// Layout: System V gABI, chapter 4; symbol versions: Linux Standard Base core, "Symbol Versioning".
/// </summary>
internal sealed class ElfImage
{
    public const uint DynamicSymbols = 11, Relocations = 9, RelocationsWithAddend = 4, Dynamic = 6;
    public const uint VersionDefinitions = 0x6FFFFFFD, VersionNeeds = 0x6FFFFFFE, VersionOfSymbols = 0x6FFFFFFF;

    private const int HeaderSize = 64, SectionHeaderSize = 64;
    private readonly byte[] _bytes;

    /// <exception cref="InvalidDataException">Not such a file, or one whose section table does not fit into it.</exception>
    public ElfImage(byte[] bytes)
    {
        _bytes = bytes;
        if (bytes.Length < HeaderSize || !bytes.AsSpan(0, 6).SequenceEqual("\u007FELF\u0002\u0001"u8))
            throw new InvalidDataException("not a 64-bit little-endian ELF file");

        var table = UInt64(0x28);
        int size = UInt16(0x3A), count = UInt16(0x3C);
        if (size != SectionHeaderSize || count == 0)
            throw new InvalidDataException("ELF file without a section table");

        Sections = [.. Enumerable.Range(0, count).Select(index =>
        {
            var at = Offset(table + (ulong)index * SectionHeaderSize, SectionHeaderSize);
            return new ElfSection(UInt32(at + 4), UInt64(at + 24), UInt64(at + 32), UInt32(at + 40), UInt32(at + 44));
        })];
    }

    public IReadOnlyList<ElfSection> Sections { get; }

    public ElfSection? Find(uint type) => Sections.FirstOrDefault(section => section.Type == type);

    public ElfSection Linked(ElfSection section) => section.Link < Sections.Count
        ? Sections[(int)section.Link]
        : throw new InvalidDataException("ELF section links outside the section table");

    /// <summary>The zero-terminated text at <paramref name="offset"/> of a string section.</summary>
    public string Text(ElfSection strings, ulong offset)
    {
        if (offset >= strings.Size)
            throw new InvalidDataException("ELF string offset outside its section");
        var rest = _bytes.AsSpan(Offset(strings.Offset, strings.Size))[(int)offset..(int)strings.Size];
        var end = rest.IndexOf((byte)0);
        return end < 0 ? throw new InvalidDataException("ELF string without an end") : Encoding.UTF8.GetString(rest[..end]);
    }

    /// <summary>Checks that <paramref name="size"/> bytes at <paramref name="offset"/> lie within the file.</summary>
    public int Offset(ulong offset, ulong size) => offset <= (ulong)_bytes.Length && size <= (ulong)_bytes.Length - offset
        ? (int)offset
        : throw new InvalidDataException("ELF offset outside the file");

    public ushort UInt16(int at) => BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(Offset((ulong)at, 2)));
    public uint UInt32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(Offset((ulong)at, 4)));
    public ulong UInt64(int at) => BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(Offset((ulong)at, 8)));

    /// <summary>Names of the symbol versions the library offers (its verdef section).</summary>
    public IEnumerable<string> DefinedVersions()
    {
        if (Find(VersionDefinitions) is not { } section)
            yield break;
        var strings = Linked(section);
        ulong at = section.Offset;
        for (uint i = 0; i < section.Info; i++)
        {
            var entry = Offset(at, 20);
            var auxiliary = Offset(at + UInt32(entry + 12), 8);
            yield return Text(strings, UInt32(auxiliary));
            if (UInt32(entry + 16) == 0)
                yield break;
            at += UInt32(entry + 16);
        }
    }

    /// <summary>Names of the libraries the loader has to find first (DT_NEEDED), in order.</summary>
    public IEnumerable<string> NeededLibraries()
    {
        if (Find(Dynamic) is not { } section)
            yield break;
        var strings = Linked(section);
        Offset(section.Offset, section.Size);
        for (ulong at = 0; at + 16 <= section.Size; at += 16)
        {
            var entry = (int)(section.Offset + at);
            if (UInt64(entry) == 1)
                yield return Text(strings, UInt64(entry + 8));
        }
    }
}

/// <summary>One section header: what it holds, where in the file, and which section its names are in.</summary>
internal sealed record ElfSection(uint Type, ulong Offset, ulong Size, uint Link, uint Info);
